// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/cli/fake_host1.h"

#include <gio/gunixfdlist.h>
#include <sys/socket.h>

#include <cstdlib>

#include "vmspec/base/file.h"

namespace bulkhead::cli {

namespace {

constexpr const char* kName = "org.bulkhead.Host1";
constexpr const char* kPath = "/org/bulkhead/Host1";

GVariant* Parse(const char* type, const std::string& text) {
  GError* error = nullptr;
  GVariant* value = g_variant_parse(type == nullptr ? nullptr : G_VARIANT_TYPE(type), text.c_str(),
                                    nullptr, nullptr, &error);
  if (value == nullptr)
    g_error("the fake's world is ill-formed: %s in %s", error->message, text.c_str());
  return value;
}

std::string TextOf(const FakeDict& dict) {
  std::string text = "@a{sv} {";
  for (const auto& [key, value] : dict) text += "'" + key + "': <" + value + ">,";
  if (text.ends_with(',')) text.pop_back();
  return text + "}";
}

std::string TextOf(const std::vector<FakeDict>& list) {
  std::string text = "(@aa{sv} [";
  for (const FakeDict& dict : list) text += TextOf(dict) + ",";
  if (text.ends_with(',')) text.pop_back();
  return text + "],)";
}

void ReturnText(GDBusMethodInvocation* invocation, const std::string& text) {
  g_dbus_method_invocation_return_value(invocation, Parse(nullptr, text));
}

FakeDict ExampleLevel(const char* name, const char* title, const char* label, const char* uplink) {
  return {{"name", "'" + std::string(name) + "'"},
          {"title", "'" + std::string(title) + "'"},
          {"rank", "int32 0"},
          {"label", "'" + std::string(label) + "'"},
          {"colour", "'#2a7de1'"},
          {"state", "'running'"},
          {"step", "''"},
          {"reason", "''"},
          {"since", "uint64 1700000000000"},
          {"vcpus", "uint32 1"},
          {"memory-mib", "uint32 512"},
          {"memory-used-mib", "uint32 212"},
          {"cpu-percent", "uint32 3"},
          {"uplink", "'" + std::string(uplink) + "'"},
          {"image", "'debian-13'"},
          {"image-version", "'2026-11-24'"},
          {"boot-id", "'3f1c'"},
          {"uid", "uint32 1879110001"},
          {"accel", "'kvm'"},
          {"devices", "@as []"},
          {"clock-offset-ms", "int64 -12"},
          {"restart-needed", "@as []"}};
}

}  // namespace

void FakeHost1::Reset() {
  auto locked = world();
  *locked.world = FakeWorld{};
  locked->levels["low"] = ExampleLevel("low", "Public", "public (0)", "office");
  locked->levels["high"] = ExampleLevel("high", "Restricted", "restricted (2)", "");
  locked->levels["high"]["rank"] = "int32 2";
  locked->levels["high"]["devices"] = "['loop0']";
  locked->devices = {{{"id", "'loop0'"},
                      {"class", "'storage'"},
                      {"path", "'/dev/loop0'"},
                      {"title", "'medium.img'"},
                      {"serial", "''"},
                      {"size", "uint64 16777216"},
                      {"state", "'in-use'"},
                      {"level", "'high'"},
                      {"writable", "false"}}};
  locked->flows = {{{"name", "'up'"},
                    {"from", "'low'"},
                    {"to", "'high'"},
                    {"kind", "'transfer'"},
                    {"accepted", "uint64 3"},
                    {"refused", "uint64 1"},
                    {"published", "uint64 3"},
                    {"delivered", "uint64 2"},
                    {"waiting", "uint64 1"},
                    {"last", "'report.pdf delivered'"},
                    {"send", "'running'"},
                    {"receive", "'down'"}}};
  locked->networks = {
      {{"level", "'low'"},
       {"interface", "'bh-low'"},
       {"uplink", "'office'"},
       {"tap", "true"},
       {"rules", "true"},
       {"counters", "[('levels/low.toml:14', uint64 12, uint64 1440), ('default drop', 4, 240)]"}}};
}

FakeHost1::FakeHost1(const std::string& bus_address)
    : context_(g_main_context_new()), loop_(g_main_loop_new(context_, FALSE)) {
  Reset();
  auto xml = ReadFile(BULKHEAD_SOURCE_ROOT "/hostd/org.bulkhead.Host1.xml", 1 << 20);
  node_ = g_dbus_node_info_new_for_xml(xml.value().c_str(), nullptr);
  g_main_context_push_thread_default(context_);
  connection_ = g_dbus_connection_new_for_address_sync(
      bus_address.c_str(),
      static_cast<GDBusConnectionFlags>(G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
                                        G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION),
      nullptr, nullptr, nullptr);
  g_assert_nonnull(connection_);
  static const GDBusInterfaceVTable kTable = {OnCall, OnGet, nullptr, {}};
  g_dbus_connection_register_object(connection_, kPath, node_->interfaces[0], &kTable, this,
                                    nullptr, nullptr);
  GVariant* owned = g_dbus_connection_call_sync(
      connection_, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
      "RequestName", g_variant_new("(su)", kName, 0U), nullptr, G_DBUS_CALL_FLAGS_NONE, 5000,
      nullptr, nullptr);
  g_assert_nonnull(owned);
  g_variant_unref(owned);
  g_main_context_pop_thread_default(context_);
  thread_ = std::thread([this] { Serve(); });
}

void FakeHost1::Serve() {
  g_main_context_push_thread_default(context_);
  g_main_loop_run(loop_);
  g_main_context_pop_thread_default(context_);
}

FakeHost1::~FakeHost1() {
  g_main_loop_quit(loop_);
  thread_.join();
  g_dbus_connection_close_sync(connection_, nullptr, nullptr);
  g_object_unref(connection_);
  g_dbus_node_info_unref(node_);
  g_main_loop_unref(loop_);
  g_main_context_unref(context_);
}

GVariant* FakeHost1::OnGet(GDBusConnection*, const char*, const char*, const char*,
                           const char* property, GError**, gpointer self) {
  auto world = static_cast<FakeHost1*>(self)->world();
  std::string name = property;
  const std::string& text = name == "Version"        ? world->version
                            : name == "Acceleration" ? world->acceleration
                                                     : world->acceleration_reason;
  return g_variant_new_string(text.c_str());
}

void FakeHost1::OnCall(GDBusConnection*, const char*, const char*, const char*, const char* method,
                       GVariant* arguments, GDBusMethodInvocation* invocation, gpointer self) {
  static_cast<FakeHost1*>(self)->Answer(method, arguments, invocation);
}

void FakeHost1::Answer(const std::string& method, GVariant* arguments,
                       GDBusMethodInvocation* invocation) {
  char* printed = g_variant_print(arguments, FALSE);
  {
    auto w = world();
    w->calls.push_back(method + printed);
    g_free(printed);
    if (auto failure = w->failures.find(method); failure != w->failures.end()) {
      std::string name = "org.bulkhead.Error." + failure->second.first;
      g_dbus_method_invocation_return_dbus_error(invocation, name.c_str(),
                                                 failure->second.second.c_str());
      return;
    }
  }
  if (AnswerLists(method, invocation)) return;
  std::string level;
  if (g_variant_n_children(arguments) > 0) {
    GVariant* first = g_variant_get_child_value(arguments, method == "LendDevice" ? 1 : 0);
    if (g_variant_is_of_type(first, G_VARIANT_TYPE_STRING))
      level = g_variant_get_string(first, nullptr);
    g_variant_unref(first);
  }
  AnswerLevel(method, level, arguments, invocation);
}

bool FakeHost1::AnswerLists(const std::string& method, GDBusMethodInvocation* invocation) {
  auto w = world();
  std::vector<FakeDict> levels;
  for (const auto& [name, dict] : w->levels) levels.push_back(dict);
  const std::map<std::string, std::string> answers = {
      {"ListLevels", TextOf(levels)},
      {"ListDevices", TextOf(w->devices)},
      {"ListFlows", TextOf(w->flows)},
      {"NetStatus", TextOf(w->networks)},
      {"Services", "(" + w->services + ",)"},
      {"GetSpec", "(" + w->spec + ",)"},
      {"ApplySpec", "(" + w->diagnostics + ", " + w->apply_result + ")"},
      {"Rollback", "(" + w->spec + ", " + w->diagnostics + ", " + w->apply_result + ")"},
      {"ListSpecHistory", TextOf(w->history)},
      {"ApproveDowngrades", TextOf(w->approvals)},
      {"ListApprovals", TextOf(w->approvals)},
      {"GetSpecVersion", "(" + w->spec + ", @a{sv} {})"},
      {"CheckSpec", "(" + w->diagnostics + ",)"},
      {"AuditTail", "(" + w->audit_lines + ",)"},
      {"AuditVerify", "(" + w->audit_verdict + ",)"}};
  auto found = answers.find(method);
  if (found == answers.end()) return false;
  ReturnText(invocation, found->second);
  return true;
}

bool FakeHost1::AnswerLevel(const std::string& method, const std::string& level, GVariant*,
                            GDBusMethodInvocation* invocation) {
  auto w = world();
  bool names_level = method != "TakeBackDevice";
  if (names_level && !w->levels.contains(level)) {
    g_dbus_method_invocation_return_dbus_error(invocation, "org.bulkhead.Error.NotFound",
                                               ("there is no level " + level).c_str());
  } else if (method == "GetLevel") {
    ReturnText(invocation, "(" + TextOf(w->levels[level]) + ",)");
  } else if (method == "Run") {
    auto bytes = [](const std::string& b) {
      return g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, b.data(), b.size(), 1);
    };
    g_dbus_method_invocation_return_value(
        invocation,
        g_variant_new("(i@ay@ay)", w->run.status, bytes(w->run.out), bytes(w->run.err)));
  } else if (method == "OpenConsole") {
    OpenConsole(invocation);
  } else {
    g_dbus_method_invocation_return_value(invocation, nullptr);
    w.lock.unlock();
    if (method == "Start" || method == "Stop" || method == "Restart") Walk(level);
  }
  return true;
}

void FakeHost1::OpenConsole(GDBusMethodInvocation* invocation) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) std::abort();
  world_.console.reset(ends[0]);
  GUnixFDList* list = g_unix_fd_list_new();
  g_unix_fd_list_append(list, ends[1], nullptr);
  UniqueFd ours(ends[1]);
  g_dbus_method_invocation_return_value_with_unix_fd_list(invocation, g_variant_new("(h)", 0),
                                                          list);
  g_object_unref(list);
}

void FakeHost1::Walk(const std::string& level) {
  auto w = world();
  guint delay_ms = 0;
  for (const FakeDict& step : w->walks[level]) {
    GSource* later = g_timeout_source_new(delay_ms += 20);
    auto take = [](gpointer data) -> gboolean {
      auto* s = static_cast<Step*>(data);
      s->fake->Take(s->level, s->changes);
      return G_SOURCE_REMOVE;
    };
    g_source_set_callback(later, take, new Step{this, level, step},
                          [](gpointer data) { delete static_cast<Step*>(data); });
    g_source_attach(later, context_);
    g_source_unref(later);
  }
}

void FakeHost1::Take(const std::string& level, const FakeDict& changes) {
  FakeDict status;
  {
    auto w = world();
    for (const auto& [key, value] : changes) w->levels[level][key] = value;
    status = w->levels[level];
  }
  Announce("LevelChanged", level, status);
}

void FakeHost1::Announce(const char* signal, const std::string& subject, const FakeDict& status) {
  GVariant* dict = Parse(nullptr, TextOf(status));
  g_dbus_connection_emit_signal(connection_, nullptr, kPath, kName, signal,
                                g_variant_new("(s@a{sv})", subject.c_str(), dict), nullptr);
  g_dbus_connection_flush_sync(connection_, nullptr, nullptr);
}

}  // namespace bulkhead::cli
