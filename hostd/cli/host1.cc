// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/cli/host1.h"

#include <gio/gunixfdlist.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <optional>

#include "hostd/cli/args.h"
#include "vmspec/base/paths.h"
#include "vmspec/base/sanitize.h"

namespace bulkhead::cli {

namespace {

constexpr const char* kName = "org.bulkhead.Host1";
constexpr const char* kPath = "/org/bulkhead/Host1";
constexpr std::string_view kErrorPrefix = "org.bulkhead.Error.";
constexpr std::size_t kMaxSentence = 2000;

int Milliseconds(std::chrono::milliseconds deadline) { return static_cast<int>(deadline.count()); }

/// "NotFound" -> kNotFound; the names of vmspec/base/error.h in camel case.
ErrorCode CodeFromBus(std::string_view camel) {
  std::string dashed;
  for (char c : camel) {
    if (c >= 'A' && c <= 'Z') {
      if (!dashed.empty()) dashed += '-';
      dashed += static_cast<char>(c - 'A' + 'a');
    } else {
      dashed += c;
    }
  }
  for (int i = 0; i <= static_cast<int>(ErrorCode::kInternal); ++i) {
    if (ErrorCodeName(static_cast<ErrorCode>(i)) == dashed) return static_cast<ErrorCode>(i);
  }
  return ErrorCode::kInternal;
}

/// The text of a GError without the "GDBus.Error:NAME: " that GDBus puts in front.
std::string Sentence(const GError& error) {
  GErrorPtr copy(g_error_copy(&error));
  g_dbus_error_strip_remote_error(copy.get());
  return Printable(copy->message, kMaxSentence);
}

bool IsGone(const GError& error) {
  return g_error_matches(&error, G_DBUS_ERROR, G_DBUS_ERROR_SERVICE_UNKNOWN) ||
         g_error_matches(&error, G_DBUS_ERROR, G_DBUS_ERROR_NAME_HAS_NO_OWNER) ||
         g_error_matches(&error, G_DBUS_ERROR, G_DBUS_ERROR_NO_REPLY) ||
         g_error_matches(&error, G_DBUS_ERROR, G_DBUS_ERROR_DISCONNECTED) ||
         g_error_matches(&error, G_IO_ERROR, G_IO_ERROR_CLOSED);
}

bool IsForbidden(const GError& error) {
  return g_error_matches(&error, G_DBUS_ERROR, G_DBUS_ERROR_ACCESS_DENIED) ||
         g_error_matches(&error, G_DBUS_ERROR, G_DBUS_ERROR_AUTH_FAILED) ||
         g_error_matches(&error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED);
}

Error MayNot(const std::string& what) {
  return {ErrorCode::kPermission, what + ": you may not: run it as root", 0};
}

std::optional<Signal::Kind> KindOf(std::string_view member) {
  if (member == "LevelChanged") return Signal::Kind::kLevel;
  if (member == "DeviceChanged") return Signal::Kind::kDevice;
  if (member == "FlowEvent") return Signal::Kind::kFlow;
  return std::nullopt;
}

/// There when the packages are installed.
constexpr char kHostdUnit[] = "/usr/lib/systemd/system/bulkhead-hostd.service";

}  // namespace

std::string BusAddress(const std::string& option) {
  if (!option.empty()) return option;
  if (const char* address = std::getenv("BULKHEAD_BUS_ADDRESS"); address && *address)
    return address;
  std::string socket = Paths::FromEnvironment().BusSocket();
  return ::access(socket.c_str(), F_OK) == 0 ? "unix:path=" + socket : "";
}

Error NotAnswering(const std::string& address, const std::string& why) {
  std::string where = address.empty() ? "the system bus" : Printable(address);
  // The bus closes the connection of a stranger without a word, as if nobody were there.
  std::string start = ::access(kHostdUnit, F_OK) == 0 ? "systemctl start bulkhead-hostd" : "./try";
  std::string way =
      ::geteuid() == 0
          ? ": start it with " + start
          : ": it answers root and members of the groups bulkhead-user, bulkhead-admin, "
            "bulkhead-audit and bulkhead (id -nG); as root " +
                start + " starts it";
  return {ErrorCode::kUnavailable,
          "hostd does not answer on " + where + (why.empty() ? "" : " (" + why + ")") + way, 0};
}

Host1::Host1(GObjectPtr<GDBusConnection> connection, std::string address)
    : connection_(std::move(connection)),
      address_(std::move(address)),
      inbox_(std::make_unique<Inbox>()) {}

Host1::~Host1() {
  if (connection_ && subscription_ != 0) {
    g_dbus_connection_signal_unsubscribe(connection_.get(), subscription_);
  }
}

Result<Host1> Host1::Connect(const std::string& address) {
  GError* raw = nullptr;
  GDBusConnection* connection =
      address.empty()
          ? g_bus_get_sync(G_BUS_TYPE_SYSTEM, nullptr, &raw)
          : g_dbus_connection_new_for_address_sync(
                address.c_str(),
                static_cast<GDBusConnectionFlags>(G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
                                                  G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION),
                nullptr, nullptr, &raw);
  GErrorPtr error(raw);
  if (error && IsForbidden(*error)) return std::unexpected(MayNot("connect to hostd"));
  if (error) return std::unexpected(NotAnswering(address, Sentence(*error)));
  g_dbus_connection_set_exit_on_close(connection, FALSE);
  return Host1(GObjectPtr<GDBusConnection>(connection), address);
}

Error Host1::FromGError(const char* method, const GError& error) const {
  std::unique_ptr<char, FreeWith<g_free>> remote(g_dbus_error_get_remote_error(&error));
  std::string_view name = remote ? remote.get() : "";
  if (name.starts_with(kErrorPrefix)) {
    return {CodeFromBus(name.substr(kErrorPrefix.size())), Sentence(error), 0};
  }
  if (IsGone(error)) return NotAnswering(address_, "");
  if (IsForbidden(error)) return MayNot(method);
  if (g_error_matches(&error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT) ||
      g_error_matches(&error, G_DBUS_ERROR, G_DBUS_ERROR_TIMEOUT)) {
    return {ErrorCode::kTimeout,
            std::string("hostd did not finish ") + method + " in time: see bulkhead status", 0};
  }
  return {ErrorCode::kInternal, std::string(method) + ": " + Sentence(error), 0};
}

Result<VariantPtr> Host1::Call(const char* method, GVariant* arguments, const char* reply,
                               std::chrono::milliseconds deadline) {
  GError* raw = nullptr;
  VariantPtr answer(g_dbus_connection_call_sync(
      connection_.get(), kName, kPath, kName, method, arguments, G_VARIANT_TYPE(reply),
      G_DBUS_CALL_FLAGS_NONE, Milliseconds(deadline), nullptr, &raw));
  GErrorPtr error(raw);
  if (error) return std::unexpected(FromGError(method, *error));
  return answer;
}

Error Host1::WithSuggestion(Error error, const std::string& level) {
  if (error.code != ErrorCode::kNotFound) return error;
  auto levels = ListLevels();
  if (!levels) return error;
  std::vector<std::string> names;
  for (const Dict& dict : *levels) names.push_back(dict.Text("name"));
  bool exists = std::ranges::find(names, level) != names.end();
  if (!exists) error.message += Suggestion(level, names);
  return error;
}

Result<VariantPtr> Host1::CallForLevel(const char* method, const std::string& level,
                                       GVariant* arguments, const char* reply,
                                       std::chrono::milliseconds deadline) {
  auto answer = Call(method, arguments, reply, deadline);
  if (!answer) return std::unexpected(WithSuggestion(answer.error(), level));
  return answer;
}

Result<UniqueFd> Host1::OpenConsole(const std::string& level) {
  GError* raw = nullptr;
  GUnixFDList* list = nullptr;
  VariantPtr answer(g_dbus_connection_call_with_unix_fd_list_sync(
      connection_.get(), kName, kPath, kName, "OpenConsole", g_variant_new("(s)", level.c_str()),
      G_VARIANT_TYPE("(h)"), G_DBUS_CALL_FLAGS_NONE, Milliseconds(std::chrono::seconds(30)),
      nullptr, &list, nullptr, &raw));
  GErrorPtr error(raw);
  GObjectPtr<GUnixFDList> descriptors(list);
  if (error) return std::unexpected(WithSuggestion(FromGError("OpenConsole", *error), level));
  gint32 index = 0;
  g_variant_get(answer.get(), "(h)", &index);
  int fd = descriptors ? g_unix_fd_list_get(descriptors.get(), index, nullptr) : -1;
  if (fd < 0) return Fail(ErrorCode::kInternal, "OpenConsole: hostd answered without a descriptor");
  return UniqueFd(fd);
}

Result<Dict> Host1::GetLevel(const std::string& level) {
  auto answer = CallForLevel("GetLevel", level, g_variant_new("(s)", level.c_str()), "(a{sv})");
  if (!answer) return Propagate(answer);
  VariantPtr status(g_variant_get_child_value(answer->get(), 0));
  return Dict(status.get());
}

Result<std::vector<Dict>> Host1::ListLevels() {
  auto answer = Call("ListLevels", nullptr, "(aa{sv})");
  if (!answer) return Propagate(answer);
  VariantPtr levels(g_variant_get_child_value(answer->get(), 0));
  std::vector<Dict> all = Dict::List(levels.get());
  std::ranges::sort(all, {}, [](const Dict& level) {
    return std::pair(level.Number("rank"), level.Text("name"));
  });
  return all;
}

Result<std::string> Host1::Property(const char* name) {
  GError* raw = nullptr;
  VariantPtr answer(g_dbus_connection_call_sync(
      connection_.get(), kName, kPath, "org.freedesktop.DBus.Properties", "Get",
      g_variant_new("(ss)", kName, name), G_VARIANT_TYPE("(v)"), G_DBUS_CALL_FLAGS_NONE,
      Milliseconds(std::chrono::seconds(30)), nullptr, &raw));
  GErrorPtr error(raw);
  if (error) return std::unexpected(FromGError(name, *error));
  GVariant* boxed = nullptr;
  g_variant_get(answer.get(), "(v)", &boxed);
  VariantPtr value(boxed);
  if (!g_variant_is_of_type(boxed, G_VARIANT_TYPE_STRING)) return std::string();
  return std::string(g_variant_get_string(boxed, nullptr));
}

void Host1::Watch() {
  if (subscription_ != 0) return;
  auto deliver = [](GDBusConnection*, const char*, const char*, const char*, const char* member,
                    GVariant* arguments, gpointer inbox) noexcept {
    auto kind = KindOf(member);
    if (!kind || !g_variant_is_of_type(arguments, G_VARIANT_TYPE("(sa{sv})"))) return;
    VariantPtr subject(g_variant_get_child_value(arguments, 0));
    VariantPtr status(g_variant_get_child_value(arguments, 1));
    static_cast<Inbox*>(inbox)->signals.push_back(
        {*kind, g_variant_get_string(subject.get(), nullptr), Dict(status.get())});
  };
  subscription_ =
      g_dbus_connection_signal_subscribe(connection_.get(), kName, kName, nullptr, kPath, nullptr,
                                         G_DBUS_SIGNAL_FLAGS_NONE, deliver, inbox_.get(), nullptr);
}

Result<Signal> Host1::NextSignal(std::chrono::milliseconds deadline) {
  gint64 end = g_get_monotonic_time() + deadline.count() * 1000;
  // GLib's own timeout wakes the iteration; without it an idle bus would block for ever.
  guint timer = g_timeout_add(
      static_cast<guint>(deadline.count()), [](gpointer) -> gboolean { return G_SOURCE_CONTINUE; },
      nullptr);
  while (inbox_->signals.empty() && g_get_monotonic_time() < end &&
         g_dbus_connection_is_closed(connection_.get()) == FALSE) {
    g_main_context_iteration(nullptr, TRUE);
  }
  g_source_remove(timer);
  if (!inbox_->signals.empty()) {
    Signal first = std::move(inbox_->signals.front());
    inbox_->signals.pop_front();
    return first;
  }
  if (g_dbus_connection_is_closed(connection_.get()) != FALSE) {
    return std::unexpected(NotAnswering(address_, "the bus went away"));
  }
  return Fail(ErrorCode::kTimeout, "nothing was announced");
}

}  // namespace bulkhead::cli
