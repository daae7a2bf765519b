// SPDX-License-Identifier: GPL-2.0-or-later
/// hostd/org.bulkhead.Host1.xml as a client sees it: calls with deadlines, errors as Error,
/// signals.
#pragma once

#include <chrono>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "hostd/cli/dict.h"
#include "hostd/gptr.h"
#include "vmspec/base/error.h"
#include "vmspec/base/unique_fd.h"

namespace bulkhead::cli {

/// Where hostd may be: `option`, BULKHEAD_BUS_ADDRESS, our own bus when its socket is there, else
/// "" for the system bus.
std::string BusAddress(const std::string& option);

/// Suggests what to do when nobody answers: "... start it with ./try".
Error NotAnswering(const std::string& address, const std::string& why);

/// One change that hostd announced.
struct Signal {
  enum class Kind { kLevel, kDevice, kFlow } kind;
  std::string subject;
  Dict status;
};

/// One connection. Calls block; not for several threads. Errors of calls carry the code that hostd
/// gave, and its sentence made printable; kUnavailable when hostd or the bus is not there;
/// kTimeout.
class Host1 {
 public:
  static Result<Host1> Connect(const std::string& address);
  Host1(Host1&&) = default;
  Host1& operator=(Host1&&) = default;
  ~Host1();

  /// `arguments`: a tuple, floating or nullptr; taken. The reply has the type `reply`.
  Result<VariantPtr> Call(const char* method, GVariant* arguments, const char* reply,
                          std::chrono::milliseconds deadline = std::chrono::seconds(30));
  /// As Call, for a level named in the arguments: a level that is not there gets a "did you mean".
  Result<VariantPtr> CallForLevel(const char* method, const std::string& level, GVariant* arguments,
                                  const char* reply,
                                  std::chrono::milliseconds deadline = std::chrono::seconds(30));
  Result<UniqueFd> OpenConsole(const std::string& level);
  Result<Dict> GetLevel(const std::string& level);
  /// By rank, then by name.
  Result<std::vector<Dict>> ListLevels();
  /// A string property of the daemon.
  Result<std::string> Property(const char* name);

  /// From now on NextSignal returns what is announced.
  void Watch();
  /// The oldest announcement not yet taken; waits for one up to `deadline`: kTimeout then, and
  /// kUnavailable when the bus is gone.
  Result<Signal> NextSignal(std::chrono::milliseconds deadline);

 private:
  Host1(GObjectPtr<GDBusConnection> connection, std::string address);
  Error FromGError(const char* method, const GError& error) const;
  Error WithSuggestion(Error error, const std::string& level);

  struct Inbox {
    std::deque<Signal> signals;
  };
  GObjectPtr<GDBusConnection> connection_;
  std::string address_;
  std::unique_ptr<Inbox> inbox_;
  unsigned subscription_ = 0;
};

}  // namespace bulkhead::cli
