// SPDX-License-Identifier: GPL-2.0-or-later
/// hostd as its clients see it, with a memory and no machine: owns org.bulkhead.Host1 on a bus, in
/// a thread of its own. Its contract is read from hostd/org.bulkhead.Host1.xml itself.
#pragma once

#include <gio/gio.h>

#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "vmspec/base/unique_fd.h"

namespace bulkhead::cli {

/// One a{sv}: key -> value in GVariant text form ("'running'", "uint32 5").
using FakeDict = std::map<std::string, std::string>;

/// What the fake knows and does. Set it before, read it after a call; lock() in between.
struct FakeWorld {
  std::string version = "0.1.0";
  std::string acceleration = "kvm";
  std::string acceleration_reason = "a probe guest booted";
  std::map<std::string, FakeDict> levels;
  std::vector<FakeDict> devices;
  std::vector<FakeDict> flows;
  std::vector<FakeDict> networks;
  std::string services = "{'libvirt': 'ok', 'netd': 'ok', 'brokerd': 'ok', 'super': 'ok'}";
  std::string spec = "@a{ss} {}";
  std::string diagnostics = "@a(sssuuussba(sus)) []";  ///< of ApplySpec and CheckSpec
  std::string apply_result = "@a{sv} {'version': <uint32 2>, 'sha256': <'ab12'>}";
  std::vector<FakeDict> history;
  std::vector<FakeDict> approvals;
  std::string audit_lines = "@as []";
  std::string audit_verdict = "@a{sv} {}";
  struct {
    int status = 0;
    std::string out, err;
  } run;

  /// States that a level walks through after Start, Stop or Restart, 20 ms apart.
  std::map<std::string, std::vector<FakeDict>> walks;
  /// Method -> (error name without prefix, message): the call fails so.
  std::map<std::string, std::pair<std::string, std::string>> failures;
  std::vector<std::string> calls;  ///< "Start('low', {'paused': <true>})"
  UniqueFd console;                ///< the guest's end of the last OpenConsole
};

class FakeHost1 {
 public:
  /// Returns when the name is owned.
  explicit FakeHost1(const std::string& bus_address);
  ~FakeHost1();
  FakeHost1(const FakeHost1&) = delete;
  FakeHost1& operator=(const FakeHost1&) = delete;

  /// Puts the two levels of the README in place of all that was there.
  void Reset();
  /// The world, locked while the returned object lives.
  struct Locked {
    std::unique_lock<std::mutex> lock;
    FakeWorld* world;
    FakeWorld* operator->() const { return world; }
  };
  Locked world() { return {std::unique_lock(mutex_), &world_}; }
  /// Emits LevelChanged, DeviceChanged or FlowEvent.
  void Announce(const char* signal, const std::string& subject, const FakeDict& status);

 private:
  static void OnCall(GDBusConnection*, const char*, const char*, const char*, const char* method,
                     GVariant* arguments, GDBusMethodInvocation* invocation, gpointer self);
  static GVariant* OnGet(GDBusConnection*, const char*, const char*, const char*,
                         const char* property, GError**, gpointer self);
  void Answer(const std::string& method, GVariant* arguments, GDBusMethodInvocation* invocation);
  bool AnswerLists(const std::string& method, GDBusMethodInvocation* invocation);
  bool AnswerLevel(const std::string& method, const std::string& level, GVariant* arguments,
                   GDBusMethodInvocation* invocation);
  void OpenConsole(GDBusMethodInvocation* invocation);
  struct Step {
    FakeHost1* fake;
    std::string level;
    FakeDict changes;
  };
  void Walk(const std::string& level);
  void Take(const std::string& level, const FakeDict& changes);
  void Serve();

  std::mutex mutex_;
  FakeWorld world_;
  GMainContext* context_;
  GMainLoop* loop_;
  GDBusConnection* connection_ = nullptr;
  GDBusNodeInfo* node_ = nullptr;
  std::thread thread_;
};

}  // namespace bulkhead::cli
