// SPDX-License-Identifier: GPL-2.0-or-later
/// org.bulkhead.Host1 on a bus of our own.
#include <gio/gunixfdlist.h>
#include <glib.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <optional>
#include <thread>

#include "hostd/bus/bus_server.h"
#include "hostd/bus/variants.h"
#include "tests/unit/hostd/temp_dir.h"
#include "vmspec/base/process_spec.h"
#include "vmspec/base/socket.h"

namespace bulkhead::hostd {
namespace {

/// A dbus-daemon that can be killed and started anew at the same address.
class Bus {
 public:
  Bus() { Start(); }
  ~Bus() { Kill(); }
  Bus(const Bus&) = delete;
  Bus& operator=(const Bus&) = delete;

  void Start() {
    // Everybody may connect and call: what keeps a stranger out is hostd then.
    Spill(dir_ / "bus.conf",
          "<busconfig><type>session</type><listen>" + address() +
              "</listen><auth>EXTERNAL</auth><policy context=\"default\"><allow user=\"*\"/>"
              "<allow own=\"*\"/><allow send_destination=\"*\" eavesdrop=\"true\"/>"
              "<allow eavesdrop=\"true\"/></policy></busconfig>");
    std::filesystem::permissions(dir_.path(), std::filesystem::perms(0755));
    ProcessSpec spec;
    spec.argv = {"/usr/bin/dbus-daemon", "--config-file=" + (dir_ / "bus.conf"), "--nofork",
                 "--nosyslog"};
    spec.run_as = RunAs::Unchanged();
    auto child = Spawn(spec);
    ASSERT_TRUE(child) << child.error().message;
    pid_ = child->pid;
    for (int i = 0; i < 1000 && !ConnectUnix(socket()); ++i) ::usleep(5000);
  }
  void Kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
    ::unlink(socket().c_str());
  }
  [[nodiscard]] std::string socket() const { return dir_ / "socket"; }
  [[nodiscard]] std::string address() const { return "unix:path=" + socket(); }

 private:
  TempDir dir_;
  pid_t pid_ = -1;
};

/// What a call came to: the name of its error, or "ok TEXT".
struct Outcome {
  std::string error;
  std::string message;
  std::string text;
};

/// A caller with a connection of its own, as a program of its own would be.
Outcome CallAndWait(const std::string& address, const char* method, GVariant* arguments) {
  VariantPtr owned(g_variant_ref_sink(arguments));
  GObjectPtr<GDBusConnection> connection(g_dbus_connection_new_for_address_sync(
      address.c_str(),
      static_cast<GDBusConnectionFlags>(G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
                                        G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION),
      nullptr, nullptr, nullptr));
  if (!connection) return {"no bus", {}, {}};
  GError* raw = nullptr;
  VariantPtr answer(g_dbus_connection_call_sync(
      connection.get(), "org.bulkhead.Host1", "/org/bulkhead/Host1", "org.bulkhead.Host1", method,
      owned.get(), nullptr, G_DBUS_CALL_FLAGS_NO_AUTO_START, 5000, nullptr, &raw));
  GErrorPtr error(raw);
  Outcome outcome;
  if (error) {
    char* name = g_dbus_error_get_remote_error(error.get());
    outcome.error = name != nullptr ? name : "no answer";
    g_free(name);
    outcome.message = error->message;
  } else {
    char* text = g_variant_print(answer.get(), FALSE);
    outcome.text = text;
    g_free(text);
  }
  return outcome;
}

class BusTest : public testing::Test {
 protected:
  void SetUp() override {
    server = std::make_unique<BusServer>(
        bus.address(),
        BusServer::Handlers{[this](uid_t uid, const std::function<void(Result<Caller>)>& then) {
                              Identify(uid, then);
                            },
                            [this](CallPtr call) {
                              actors.push_back(call->caller.actor);
                              answer(std::move(call));
                            },
                            [](const std::string&) { return g_variant_new_string("1"); },
                            [](const std::string&) {}});
    ASSERT_TRUE(Until([&] { return Ask().error.empty(); })) << last.error << last.message;
    actors.clear();
  }
  template <typename Probe>
  bool Until(Probe probe) {
    auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!probe()) {
      if (std::chrono::steady_clock::now() > end) return false;
    }
    return true;
  }
  virtual void Identify(uid_t uid, const std::function<void(Result<Caller>)>& then) {
    if (uid != ::geteuid()) return then(Fail(ErrorCode::kRefused, "not you"));
    then(Caller{uid, "uid:" + std::to_string(uid), {"user"}});
  }
  /// Serves the main loop while another thread calls.
  Outcome Ask(const char* method = "GetLevel", GVariant* arguments = nullptr) {
    if (arguments == nullptr) arguments = g_variant_new("(s)", "low");
    std::atomic<bool> done = false;
    std::thread caller([&] {
      last = CallAndWait(bus.address(), method, arguments);
      done = true;
    });
    while (!done) {
      if (g_main_context_iteration(nullptr, FALSE) == FALSE) ::usleep(500);
    }
    caller.join();
    return last;
  }
  static GVariant* Level(const std::string& title) {
    return g_variant_new("(@a{sv})", DictBuilder().Text("title", title).Done());
  }

  Bus bus;
  std::function<void(CallPtr)> answer = [](const CallPtr& call) { call->Return(Level("Public")); };
  std::vector<std::string> actors;
  Outcome last;
  std::unique_ptr<BusServer> server;
};

TEST_F(BusTest, ACallIsAnsweredAndItsCallerKnown) {
  EXPECT_EQ(Ask().text, "({'title': <'Public'>},)");
  EXPECT_EQ(actors, std::vector<std::string>{"uid:" + std::to_string(::geteuid())});
}

TEST_F(BusTest, WhatTheCheckerSaysIsPrintedAlikeOnTheOtherSide) {
  auto files = vmspec::ReadSpecFolder(
      BULKHEAD_SOURCE_ROOT "/tests/spec-sets/against-the-lattice/opened-after-five-kinds-6-steps");
  ASSERT_TRUE(files);
  vmspec::CheckedSpec checked = vmspec::CheckSpec(*files);
  answer = [&](const CallPtr& call) {
    GVariant* list = ToVariant(checked.diagnostics);
    call->Return(g_variant_new_tuple(&list, 1));
  };
  Outcome outcome = Ask("CheckSpec", g_variant_new("(@a{ss})", ToVariant(*files)));
  ASSERT_EQ(outcome.error, "") << outcome.message;
  std::string type = std::string("(") + kDiagnosticsType + ")";
  VariantPtr got(g_variant_parse(G_VARIANT_TYPE(type.c_str()), outcome.text.c_str(), nullptr,
                                 nullptr, nullptr));
  ASSERT_TRUE(got) << outcome.text;
  VariantPtr list(g_variant_get_child_value(got.get(), 0));
  vmspec::CheckedSpec there = checked;
  there.diagnostics = DiagnosticsFrom(list.get());
  EXPECT_TRUE(
      std::ranges::any_of(there.diagnostics, [](const auto& d) { return d.notes.size() >= 6; }));
  EXPECT_EQ(FormatDiagnostics(*files, checked, false), FormatDiagnostics(*files, there, false));
}

TEST_F(BusTest, AnErrorHasItsNameAndItsSentence) {
  answer = [](const CallPtr& call) {
    call->ReturnError({ErrorCode::kNotFound, "no level low", 0});
  };
  EXPECT_EQ(Ask().error, "org.bulkhead.Error.NotFound");
  EXPECT_NE(last.message.find("no level low"), std::string::npos);
  answer = [](const CallPtr& call) { call->ReturnStatus(Fail(ErrorCode::kOutcomeUnknown, "?")); };
  EXPECT_EQ(Ask().error, "org.bulkhead.Error.OutcomeUnknown");
}

TEST_F(BusTest, ANewBusIsFoundByItself) {
  for (int round = 0; round < 2; ++round) {
    bus.Kill();
    for (int i = 0; i < 100; ++i) g_main_context_iteration(nullptr, FALSE);
    server->Emit("LevelChanged", g_variant_new("(s@a{sv})", "low", DictBuilder().Done()));
    bus.Start();
    EXPECT_TRUE(Until([&] { return Ask().error.empty(); })) << last.error << last.message;
  }
}

TEST_F(BusTest, AnAnswerToABusThatIsGoneIsDropped) {
  CallPtr kept;
  answer = [&](CallPtr call) { kept = std::move(call); };
  std::thread caller([&] { CallAndWait(bus.address(), "GetLevel", g_variant_new("(s)", "low")); });
  ASSERT_TRUE(Until([&] {
    g_main_context_iteration(nullptr, FALSE);
    return kept != nullptr;
  }));
  bus.Kill();
  caller.join();
  for (int i = 0; i < 100; ++i) g_main_context_iteration(nullptr, FALSE);
  kept->Return(Level("late"));
  bus.Start();
  answer = [](const CallPtr& call) { call->Return(Level("Public")); };
  EXPECT_TRUE(Until([&] { return Ask().error.empty(); })) << last.error << last.message;
}

TEST_F(BusTest, CannotEndTheConnectionWithBytesThatAreNoUtf8) {
  answer = [](const CallPtr& call) { call->Return(Level("a\xff\xfe\xc3")); };
  EXPECT_NE(Ask().text.find("title"), std::string::npos) << last.error << last.message;
  answer = [](const CallPtr& call) { call->ReturnError({ErrorCode::kIo, "bad \xff\xc3(", 0}); };
  EXPECT_EQ(Ask().error, "org.bulkhead.Error.Io");
  answer = [](const CallPtr& call) { call->Return(Level("Public")); };
  EXPECT_EQ(Ask().text, "({'title': <'Public'>},)");
}

TEST_F(BusTest, ACallThatIsForgottenIsStillAnswered) {
  answer = [](const CallPtr&) {};
  EXPECT_EQ(Ask().error, "org.bulkhead.Error.Unavailable");
}

TEST_F(BusTest, CannotCallAsOneWhomNobodyKnows) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to become somebody else";
  ProcessSpec spec;
  spec.argv = {"/usr/bin/setpriv",
               "--reuid=65534",
               "--regid=65534",
               "--clear-groups",
               "/usr/bin/gdbus",
               "call",
               "--address",
               bus.address(),
               "--dest",
               "org.bulkhead.Host1",
               "--object-path",
               "/org/bulkhead/Host1",
               "--method",
               "org.bulkhead.Host1.GetLevel",
               "low"};
  spec.run_as = RunAs::Unchanged();
  auto child = Spawn(spec);
  ASSERT_TRUE(child) << child.error().message;
  int status = 0;
  ASSERT_TRUE(Until([&] {
    if (g_main_context_iteration(nullptr, FALSE) == FALSE) ::usleep(500);
    return ::waitpid(child->pid, &status, WNOHANG) == child->pid;
  }));
  EXPECT_TRUE(actors.empty()) << "the daemon never hears of it";
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 1);
}

}  // namespace
}  // namespace bulkhead::hostd
