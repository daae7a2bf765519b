// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/super/supervisor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <set>

namespace bulkhead::super {
namespace {

using std::chrono::milliseconds;
using namespace std::chrono_literals;

/// A machine in memory: processes that start, listen, obey or ignore signals.
class FakeRunner : public ProcessRunner {
 public:
  Result<pid_t> Start(const std::string& unit, const ProcessSpec&) override {
    starts.push_back(unit);
    if (broken.contains(unit))
      return Fail(ErrorCode::kNotFound, "start " + unit + ": no such file");
    running[next_pid] = unit;
    return next_pid++;
  }
  void Signal(pid_t pid, int signal) override { signals.emplace_back(running.at(pid), signal); }
  bool Accepts(const std::string& socket) override { return listening.contains(socket); }

  pid_t PidOf(const std::string& unit) const {
    for (const auto& [pid, name] : running) {
      if (name == unit) return pid;
    }
    return 0;
  }

  std::set<std::string> broken;
  std::set<std::string> listening;
  std::vector<std::string> starts;
  std::vector<std::pair<std::string, int>> signals;
  std::map<pid_t, std::string> running;
  pid_t next_pid = 100;
};

class SupervisorTest : public ::testing::Test {
 protected:
  static UnitSpec Unit(const std::string& name, Rank rank = Rank::kInstance,
                       const std::string& socket = "") {
    UnitSpec u;
    u.name = name;
    u.rank = rank;
    u.ready_socket = socket;
    return u;
  }
  void Want(UnitSpec unit) { supervisor.Want(std::move(unit), now); }
  void Turn(milliseconds later = 0ms) {
    now += later;
    supervisor.Turn(now);
  }
  /// The process of this unit ends, as by `signal`.
  void Dies(const std::string& unit, int signal = SIGKILL) {
    pid_t pid = runner.PidOf(unit);
    ASSERT_NE(0, pid) << unit << " does not run";
    runner.running.erase(pid);
    supervisor.Reaped(pid, signal, now);
  }
  std::size_t StartsOf(const std::string& unit) const {
    return static_cast<std::size_t>(std::ranges::count(runner.starts, unit));
  }
  bool Runs(const std::string& unit) const { return runner.PidOf(unit) != 0; }

  FakeRunner runner;
  Supervisor supervisor{&runner};
  TimePoint now{1h};
};

TEST_F(SupervisorTest, StartsRanksInOrderEachWhenTheOneBeforeIsReady) {
  Want(Unit("hostd", Rank::kHostd, "/hostd"));
  Want(Unit("libvirtd", Rank::kLibvirt, "/libvirt"));
  Want(Unit("netd", Rank::kPrivileged, "/netd"));
  Want(Unit("brokerd", Rank::kPrivileged, "/broker"));
  Turn();
  EXPECT_EQ((std::vector<std::string>{"libvirtd"}), runner.starts);
  runner.listening = {"/libvirt"};
  Turn(20ms), Turn();
  EXPECT_EQ((std::vector<std::string>{"libvirtd", "brokerd", "netd"}), runner.starts);
  runner.listening.insert("/netd");
  Turn(20ms), Turn();
  EXPECT_EQ(3u, runner.starts.size()) << "brokerd is not ready yet";
  runner.listening.insert("/broker");
  Turn(20ms), Turn();
  EXPECT_EQ(4u, runner.starts.size());
  EXPECT_FALSE(supervisor.AllReady());
  runner.listening.insert("/hostd");
  Turn(20ms);
  EXPECT_TRUE(supervisor.AllReady());
}

TEST_F(SupervisorTest, ServiceThatNeverGetsReadyHoldsUpOthersForAWhileOnly) {
  Want(Unit("libvirtd", Rank::kLibvirt, "/libvirt"));
  Want(Unit("hostd", Rank::kHostd));
  Turn();
  Turn(14s);
  EXPECT_FALSE(Runs("hostd"));
  Turn(2s), Turn();
  EXPECT_TRUE(Runs("hostd"));
  ASSERT_EQ(1u, supervisor.NotReady().size());
  EXPECT_EQ("libvirtd", supervisor.NotReady()[0].unit);
}

TEST_F(SupervisorTest, RestartsAtOnceThenEverLaterThenForgives) {
  Want(Unit("netd"));
  Turn();
  std::vector<milliseconds> waits;
  for (int i = 0; i < 8; ++i) {
    Dies("netd");
    auto wait = supervisor.DueIn(now);
    waits.push_back(wait);
    Turn(wait);
    ASSERT_TRUE(Runs("netd")) << i;
  }
  EXPECT_EQ((std::vector<milliseconds>{0ms, 250ms, 500ms, 1000ms, 2000ms, 4000ms, 5000ms, 5000ms}),
            waits);
  Turn(10s);
  Dies("netd");
  EXPECT_EQ(0ms, supervisor.DueIn(now));
  EXPECT_EQ(9u, supervisor.Status()[0].restarts);
}

TEST_F(SupervisorTest, RestartDoesNotWaitForOtherServices) {
  Want(Unit("libvirtd", Rank::kLibvirt, "/libvirt"));
  Want(Unit("hostd", Rank::kHostd));
  runner.listening = {"/libvirt"};
  Turn(), Turn(), Turn();
  runner.listening.clear();
  Dies("libvirtd"), Dies("hostd");
  Turn();
  EXPECT_TRUE(Runs("hostd"));
  EXPECT_TRUE(Runs("libvirtd"));
}

TEST_F(SupervisorTest, ProgramThatDoesNotStartIsTriedAgainWithPatience) {
  runner.broken = {"netd"};
  Want(Unit("netd"));
  Turn(), Turn(), Turn();
  EXPECT_EQ(2u, StartsOf("netd"));
  auto news = supervisor.TakeNews();
  ASSERT_EQ(2u, news.size());
  EXPECT_THAT(news[0].second, ::testing::HasSubstr("no such file"));
  runner.broken.clear();
  Turn(250ms);
  EXPECT_TRUE(Runs("netd"));
}

TEST_F(SupervisorTest, DroppedUnitIsAskedThenKilledThenForgotten) {
  Want(Unit("agentd@low"));
  Turn();
  supervisor.Drop("agentd@low", now);
  Turn(1999ms);
  EXPECT_EQ((std::vector<std::pair<std::string, int>>{{"agentd@low", SIGTERM}}), runner.signals);
  Turn(1ms);
  EXPECT_EQ(SIGKILL, runner.signals.back().second);
  Dies("agentd@low");
  EXPECT_TRUE(supervisor.AllGone());
  Turn(10s);
  EXPECT_EQ(1u, StartsOf("agentd@low"));
}

TEST_F(SupervisorTest, DroppedUnitThatWaitsForItsRestartIsForgottenAtOnce) {
  Want(Unit("agentd@low"));
  Turn();
  Dies("agentd@low");
  supervisor.Drop("agentd@low", now);
  EXPECT_TRUE(supervisor.AllGone());
}

TEST_F(SupervisorTest, ChangedUnitIsStoppedBeforeTheNewOneStarts) {
  Want(Unit("diode-send@up"));
  Turn();
  UnitSpec changed = Unit("diode-send@up");
  changed.process.argv = {"/new"};
  Want(std::move(changed));
  Turn();
  EXPECT_EQ(1u, StartsOf("diode-send@up"));
  Dies("diode-send@up", SIGTERM);
  Turn();
  EXPECT_EQ(2u, StartsOf("diode-send@up"));
  EXPECT_TRUE(supervisor.TakeNews().empty()) << "an end that was asked for is no news";
}

TEST_F(SupervisorTest, UnitWantedAgainWhileItStopsComesBack) {
  Want(Unit("agentd@low"));
  Turn();
  supervisor.Drop("agentd@low", now);
  Want(Unit("agentd@low"));
  Dies("agentd@low", SIGTERM);
  Turn();
  EXPECT_EQ(2u, StartsOf("agentd@low"));
  EXPECT_TRUE(Runs("agentd@low"));
}

TEST_F(SupervisorTest, DeadReceiverTakesItsSenderAlong) {
  Want(Unit("diode-send@up"));
  UnitSpec receive = Unit("diode-receive@up");
  receive.partner = "diode-send@up";
  Want(std::move(receive));
  Turn();
  Dies("diode-receive@up");
  EXPECT_EQ((std::vector<std::pair<std::string, int>>{{"diode-send@up", SIGTERM}}), runner.signals);
  Dies("diode-send@up", SIGTERM);
  Turn();
  EXPECT_TRUE(Runs("diode-send@up"));
  EXPECT_TRUE(Runs("diode-receive@up"));
}

TEST_F(SupervisorTest, DeadSenderLeavesItsReceiverAlone) {
  Want(Unit("diode-send@up"));
  UnitSpec receive = Unit("diode-receive@up");
  receive.partner = "diode-send@up";
  Want(std::move(receive));
  Turn();
  Dies("diode-send@up");
  Turn();
  EXPECT_TRUE(runner.signals.empty());
  EXPECT_EQ(1u, StartsOf("diode-receive@up"));
}

TEST_F(SupervisorTest, StopsHostdFirstAndLibvirtLast) {
  for (auto [name, rank] :
       std::initializer_list<std::pair<const char*, Rank>>{{"virtlogd", Rank::kLog},
                                                           {"libvirtd", Rank::kLibvirt},
                                                           {"netd", Rank::kPrivileged},
                                                           {"agentd@low", Rank::kInstance},
                                                           {"hostd", Rank::kHostd}}) {
    Want(Unit(name, rank));
  }
  Turn();
  supervisor.StopAll(now);
  std::vector<std::string> order;
  while (!supervisor.AllGone()) {
    ASSERT_FALSE(runner.signals.empty());
    auto [unit, signal] = runner.signals.back();
    EXPECT_EQ(SIGTERM, signal);
    order.push_back(unit);
    Dies(unit, SIGTERM);
    Turn();
  }
  EXPECT_EQ((std::vector<std::string>{"hostd", "agentd@low", "netd", "libvirtd", "virtlogd"}),
            order);
  EXPECT_EQ(5u, runner.starts.size()) << "nothing is started again";
}

TEST_F(SupervisorTest, StopAllForgetsWhatDoesNotRun) {
  runner.broken = {"netd"};
  Want(Unit("netd"));
  Turn();
  supervisor.StopAll(now);
  EXPECT_TRUE(supervisor.AllGone());
}

TEST_F(SupervisorTest, OrphansThatAreReapedAreNoUnits) {
  Want(Unit("netd"));
  Turn();
  supervisor.Reaped(4711, 0, now);
  EXPECT_TRUE(Runs("netd"));
  EXPECT_TRUE(supervisor.TakeNews().empty());
}

TEST_F(SupervisorTest, StartsManyAFewATurnSoThatNothingElseWaits) {
  for (int i = 0; i < 100; ++i) Want(Unit("agentd@l" + std::to_string(i)));
  Turn();
  EXPECT_EQ(16u, runner.starts.size());
  EXPECT_EQ(0ms, supervisor.DueIn(now));
  for (int i = 0; i < 6; ++i) Turn();
  EXPECT_EQ(100u, runner.starts.size());
  EXPECT_GT(supervisor.DueIn(now), 1s);
}

TEST_F(SupervisorTest, StatusTellsPidAndRestarts) {
  Want(Unit("netd"));
  EXPECT_EQ(0, supervisor.Status()[0].pid);
  Turn();
  EXPECT_EQ(runner.PidOf("netd"), supervisor.Status()[0].pid);
}

}  // namespace
}  // namespace bulkhead::super
