// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/bus/bus_server.h"

#include <gio/gunixfdlist.h>

#include <utility>

#include "hostd/bus/host1_xml.h"
#include "hostd/bus/variants.h"

namespace bulkhead::hostd {

namespace {

constexpr const char* kName = "org.bulkhead.Host1";
constexpr const char* kPath = "/org/bulkhead/Host1";
constexpr std::uint32_t kRetryMs = 500;
constexpr std::size_t kMaxCallers = 1024;

}  // namespace

std::string BusErrorName(ErrorCode code) {
  std::string name = "org.bulkhead.Error.";
  bool upper = true;
  for (char c : ErrorCodeName(code)) {
    if (c == '-') {
      upper = true;
      continue;
    }
    name += upper ? static_cast<char>(c - 'a' + 'A') : c;
    upper = false;
  }
  return name;
}

const char* Call::method() const { return g_dbus_method_invocation_get_method_name(invocation_); }

GVariant* Call::arguments() const { return g_dbus_method_invocation_get_parameters(invocation_); }

Call::~Call() {
  if (invocation_ != nullptr) {
    ReturnError({ErrorCode::kUnavailable, "hostd could not answer: see its log", 0});
  }
}

void Call::Return(GVariant* tuple) {
  VariantPtr owned(tuple != nullptr ? g_variant_ref_sink(tuple) : nullptr);
  if (invocation_ == nullptr) return;
  g_dbus_method_invocation_return_value(std::exchange(invocation_, nullptr), owned.get());
}

void Call::ReturnFd(UniqueFd fd) {
  if (invocation_ == nullptr) return;
  int raw = fd.release();
  // The list owns the descriptor from here on.
  GObjectPtr<GUnixFDList> list(g_unix_fd_list_new_from_array(&raw, 1));
  g_dbus_method_invocation_return_value_with_unix_fd_list(std::exchange(invocation_, nullptr),
                                                          g_variant_new("(h)", 0), list.get());
}

void Call::ReturnError(const Error& error) {
  if (invocation_ == nullptr) return;
  // GDBus ends the process' connection over a sentence that is no UTF-8.
  g_dbus_method_invocation_return_dbus_error(std::exchange(invocation_, nullptr),
                                             BusErrorName(error.code).c_str(),
                                             Safe(error.message).c_str());
}

void Call::ReturnStatus(const Status& status) {
  if (status) return Return(nullptr);
  ReturnError(status.error());
}

BusServer::BusServer(std::string address, Handlers handlers)
    : address_(std::move(address)),
      handlers_(std::move(handlers)),
      node_(g_dbus_node_info_new_for_xml(kHost1Xml, nullptr)),
      cancel_(g_cancellable_new()) {
  Connect();
}

BusServer::~BusServer() {
  g_cancellable_cancel(cancel_.get());
  if (connection_) OnClosed();
  retry_.Clear();
}

void BusServer::Connect() {
  auto done = [](GObject*, GAsyncResult* result, gpointer self) noexcept {
    GError* raw = nullptr;
    GDBusConnection* connection = g_dbus_connection_new_for_address_finish(result, &raw);
    GErrorPtr error(raw);
    // Cancelled: `self` is gone.
    if (error && g_error_matches(error.get(), G_IO_ERROR, G_IO_ERROR_CANCELLED)) return;
    if (error) return static_cast<BusServer*>(self)->Later();
    static_cast<BusServer*>(self)->OnConnected(GObjectPtr<GDBusConnection>(connection));
  };
  g_dbus_connection_new_for_address(
      address_.c_str(),
      static_cast<GDBusConnectionFlags>(G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
                                        G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION),
      nullptr, cancel_.get(), done, this);
}

void BusServer::Later() {
  retry_.Set(kRetryMs, [this] { Connect(); });
}

const GDBusInterfaceVTable& BusServer::Table() {
  static const GDBusInterfaceVTable table = {
      [](GDBusConnection*, const char*, const char*, const char*, const char*, GVariant*,
         GDBusMethodInvocation* invocation,
         gpointer self) noexcept { static_cast<BusServer*>(self)->OnCall(invocation); },
      [](GDBusConnection*, const char*, const char*, const char*, const char* property, GError**,
         gpointer self) noexcept -> GVariant* {
        return static_cast<BusServer*>(self)->handlers_.property(property);
      },
      nullptr,
      {}};
  return table;
}

void BusServer::OnConnected(GObjectPtr<GDBusConnection> connection) {
  connection_ = std::move(connection);
  g_dbus_connection_set_exit_on_close(connection_.get(), FALSE);
  closed_ = g_signal_connect(connection_.get(), "closed",
                             G_CALLBACK(+[](GDBusConnection*, gboolean, GError*, gpointer self) {
                               static_cast<BusServer*>(self)->OnClosed();
                               static_cast<BusServer*>(self)->Later();
                             }),
                             this);
  object_ = g_dbus_connection_register_object(connection_.get(), kPath, node_->interfaces[0],
                                              &Table(), this, nullptr, nullptr);
  name_ = g_bus_own_name_on_connection(connection_.get(), kName, G_BUS_NAME_OWNER_FLAGS_NONE,
                                       nullptr, nullptr, this, nullptr);
}

void BusServer::OnClosed() {
  if (closed_ != 0) g_signal_handler_disconnect(connection_.get(), std::exchange(closed_, 0));
  if (name_ != 0) g_bus_unown_name(std::exchange(name_, 0));
  if (object_ != 0) {
    g_dbus_connection_unregister_object(connection_.get(), std::exchange(object_, 0));
  }
  connection_.reset();
  callers_.clear();
}

void BusServer::OnCall(GDBusMethodInvocation* invocation) {
  auto call = std::make_shared<Call>(invocation);
  const char* sender = g_dbus_method_invocation_get_sender(invocation);
  auto known = callers_.find(sender != nullptr ? sender : "");
  if (known != callers_.end()) return Admit(call, known->second);
  AskWho(sender != nullptr ? sender : "", call);
}

void BusServer::AskWho(const std::string& sender, const CallPtr& call) {
  struct Question {
    BusServer* self;
    std::string sender;
    CallPtr call;
  };
  auto done = [](GObject* bus, GAsyncResult* result, gpointer p) noexcept {
    std::unique_ptr<Question> question(static_cast<Question*>(p));
    GError* raw = nullptr;
    VariantPtr answer(g_dbus_connection_call_finish(G_DBUS_CONNECTION(bus), result, &raw));
    GErrorPtr error(raw);
    if (error) {
      return question->call->ReturnError(
          {ErrorCode::kPermission, "the bus does not say who calls", 0});
    }
    guint32 uid = 0;
    g_variant_get(answer.get(), "(u)", &uid);
    BusServer& self = *question->self;
    if (self.callers_.size() >= kMaxCallers) self.callers_.clear();
    self.callers_[question->sender] = uid;
    self.Admit(question->call, uid);
  };
  g_dbus_connection_call(
      connection_.get(), "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
      "GetConnectionUnixUser", g_variant_new("(s)", sender.c_str()), G_VARIANT_TYPE("(u)"),
      G_DBUS_CALL_FLAGS_NONE, -1, cancel_.get(), done, new Question{this, sender, call});
}

void BusServer::Admit(const CallPtr& call, uid_t uid) {
  handlers_.identify(uid, [this, call](Result<Caller> caller) {
    if (!caller) return call->ReturnError(caller.error());
    call->caller = std::move(*caller);
    handlers_.call(call);
  });
}

void BusServer::Emit(const char* signal, GVariant* arguments) {
  VariantPtr owned(g_variant_ref_sink(arguments));
  if (!connection_) return;
  g_dbus_connection_emit_signal(connection_.get(), nullptr, kPath, kName, signal, owned.get(),
                                nullptr);
}

}  // namespace bulkhead::hostd
