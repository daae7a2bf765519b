// SPDX-License-Identifier: GPL-2.0-or-later
/// org.bulkhead.Host1 on the message bus: who calls, what they call, and the way back. Comes back
/// by itself when the bus was started anew. Main-loop thread only.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "hostd/gptr.h"
#include "hostd/level/timer.h"
#include "hostd/roles/caller.h"
#include "vmspec/base/error.h"
#include "vmspec/base/unique_fd.h"

namespace bulkhead::hostd {

/// One call under way. One of the answers is given, at any time, on the main loop; further ones are
/// nothing. A call that is dropped without an answer gets kUnavailable: nobody waits for ever.
class Call {
 public:
  explicit Call(GDBusMethodInvocation* invocation) : invocation_(invocation) {}
  ~Call();
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
  /// `tuple` is taken (floating); null: no return values.
  void Return(GVariant* tuple);
  void ReturnFd(UniqueFd fd);
  /// org.bulkhead.Error.CODE with the sentence.
  void ReturnError(const Error& error);
  /// Whatever a Status says, with no return values.
  void ReturnStatus(const Status& status);

  /// Both until the answer is given.
  [[nodiscard]] const char* method() const;
  [[nodiscard]] GVariant* arguments() const;
  Caller caller;

 private:
  GDBusMethodInvocation* invocation_;  ///< the answer takes it over; null after it
};
using CallPtr = std::shared_ptr<Call>;

/// "not-found" as "org.bulkhead.Error.NotFound".
std::string BusErrorName(ErrorCode code);

class BusServer {
 public:
  struct Handlers {
    /// Says who a uid is, at once or later; an error is the answer to the call.
    std::function<void(uid_t, std::function<void(Result<Caller>)>)> identify;
    /// Its caller is known: whether it may is for the handler to say.
    std::function<void(CallPtr)> call;
    std::function<GVariant*(const std::string& property)> property;
    std::function<void(const std::string& sentence)> log;
  };

  /// @param address  of the bus, as D-Bus writes it ("unix:path=/run/bulkhead/bus/socket")
  BusServer(std::string address, Handlers handlers);
  ~BusServer();
  BusServer(const BusServer&) = delete;
  BusServer& operator=(const BusServer&) = delete;

  /// `arguments` is taken (floating). Nobody hears it while the bus is away.
  void Emit(const char* signal, GVariant* arguments);

 private:
  void Connect();
  void OnConnected(GObjectPtr<GDBusConnection> connection);
  void OnClosed();
  void Later();
  void OnCall(GDBusMethodInvocation* invocation);
  void Admit(const CallPtr& call, uid_t uid);
  void AskWho(const std::string& sender, const CallPtr& call);
  static const GDBusInterfaceVTable& Table();

  std::string address_;
  Handlers handlers_;
  std::unique_ptr<GDBusNodeInfo, FreeWith<g_dbus_node_info_unref>> node_;
  GObjectPtr<GDBusConnection> connection_;
  GObjectPtr<GCancellable> cancel_;
  guint object_ = 0;
  guint name_ = 0;
  gulong closed_ = 0;
  Timer retry_;
  std::map<std::string, guint32> callers_;  ///< unique name -> uid; a bus never reuses a name
};

}  // namespace bulkhead::hostd
