// SPDX-License-Identifier: GPL-2.0-or-later
/// What a command works with: where it prints, for whom, and the daemon when it asks for it.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>

#include "hostd/cli/host1.h"
#include "hostd/cli/json.h"
#include "hostd/cli/table.h"

namespace bulkhead::cli {

/// The process's exit codes; documented in bulkhead(1) and bulkhead-spec(1).
enum ExitCode : int {
  kExitOk = 0,
  kExitFailure = 1,
  kExitUsage = 2,
  kExitRefused = 3,  ///< policy or permission says no
  kExitNotFound = 4,
  kExitUnavailable = 5,   ///< hostd or something it needs does not answer
  kExitRunTimeout = 124,  ///< `run` only: the command did not end in time
  kExitRunFailure = 125,  ///< `run` only: the command was not run, or its end is unknown
};
int ExitCodeFor(ErrorCode code);

/// How the outside looks; a test sets each by itself.
struct Surroundings {
  std::ostream& out;
  std::ostream& err;
  int in_fd = 0;
  int out_fd = 1;          ///< what `console` and `run --raw` write to; the same file as `out`
  bool in_is_tty = false;  ///< somebody can be asked
  bool out_is_tty = false;
  bool err_is_tty = false;
  std::size_t width = 0;  ///< columns of the terminal at `out`; 0: no limit
  bool colour = false;
  std::int64_t now_ms = 0;  ///< since 1970; 0: ask the clock
};

class Context {
 public:
  Context(Surroundings& around, bool json, std::string bus)
      : around_(around), json_(json), bus_(std::move(bus)) {}

  [[nodiscard]] bool json() const { return json_; }
  [[nodiscard]] const Surroundings& around() const { return around_; }
  [[nodiscard]] std::ostream& out() const { return around_.out; }
  [[nodiscard]] std::string bus_address() const { return BusAddress(bus_); }
  [[nodiscard]] std::int64_t NowMs() const;

  /// Connects at the first call.
  Result<Host1*> Host();

  void Print(const Table& table) const;
  void Print(const Json& json) const;
  /// "bulkhead: SENTENCE" on the error stream; text from outside must be printable already.
  void Complain(const std::string& sentence) const;
  /// Complains of a wrong command line and returns kExitUsage.
  [[nodiscard]] int Misused(const Error& error) const {
    Complain(error.message);
    return kExitUsage;
  }

 private:
  Surroundings& around_;
  bool json_;
  std::string bus_;
  std::optional<Host1> host_;
};

/// "24 s", "3 min", "5 h", "12 d".
std::string SpellDuration(std::int64_t milliseconds);
/// "12.3 s"
std::string SpellSeconds(std::int64_t milliseconds);
/// "512 B", "1.2 MiB", "16.0 GiB"
std::string SpellBytes(std::uint64_t bytes);

}  // namespace bulkhead::cli
