// SPDX-License-Identifier: GPL-2.0-or-later
/// The main path and its undo, over fakes that remember.
#include "hostd/level/levels.h"

#include "tests/unit/hostd/levels_fixture.h"

namespace bulkhead::hostd {
namespace {

class LevelsTest : public LevelsFixture {
 protected:
  void SetUp() override {
    LevelsFixture::SetUp();
    Adopt();
  }
  /// Starts low, which must end failed at `step` and leave nothing.
  void ExpectFailureAt(const std::string& step, const std::string& reason) {
    ASSERT_TRUE(levels_->Start("low", "uid:0", false));
    ASSERT_TRUE(UntilState("low", LevelState::kFailed)) << StatusOf("low").step;
    EXPECT_EQ(StatusOf("low").step, step);
    EXPECT_NE(StatusOf("low").reason.find(reason), std::string::npos) << StatusOf("low").reason;
    ExpectNothingLeft("low");
    EXPECT_NE(Audit().find("failed"), std::string::npos);
  }
};

TEST_F(LevelsTest, AStartGoesThroughEveryStepToRunning) {
  BringToRunning("low");
  EXPECT_EQ(network_.levels, std::set<std::string>{"low"});
  EXPECT_EQ(hypervisor_.Domains().at("low").info.state, DomainState::kRunning);
  EXPECT_EQ(super_.now.size(), 3U) << "its agentd and both halves of its flow";
  EXPECT_EQ(SentCount<control::Welcome>("low"), 1U);
  EXPECT_EQ(ready_, std::vector<std::string>{"low"});
  EXPECT_EQ(StatusOf("low").image_version, "2026.11+a1");
  EXPECT_EQ(levels_->View("low")->measures.accel, "tcg");
  EXPECT_EQ(states_.front(), "low starting");
  EXPECT_EQ(states_.back(), "low running");
}

TEST_F(LevelsTest, AWelcomeSaysTheLevelsOwnAddressesAndFlows) {
  BringToRunning("low");
  const auto& welcome = std::get<control::Welcome>(sent_.front().second);
  EXPECT_EQ(welcome.level, "low");
  EXPECT_FALSE(welcome.ipv4.empty());
  ASSERT_EQ(welcome.outgoing.size(), 1U);
  EXPECT_TRUE(welcome.incoming.empty());
  BringToRunning("high");
  const auto& other = std::get<control::Welcome>(sent_.back().second);
  EXPECT_EQ(other.ipv4, "") << "high has no network";
  EXPECT_EQ(other.incoming.size(), 1U);
}

TEST_F(LevelsTest, AnAgentQuickerThanTheWordThatItsLevelRunsIsHeard) {
  ASSERT_TRUE(levels_->Start("low", "uid:0", false));
  ASSERT_TRUE(UntilStep("low", "run"));
  AgentSaysHello("low");
  AgentIsReady("low");
  EXPECT_EQ(StatusOf("low").state, LevelState::kStarting);
  ASSERT_TRUE(UntilState("low", LevelState::kRunning));
  EXPECT_GE(SentCount<control::Welcome>("low"), 1U);
}

TEST_F(LevelsTest, ALevelWhoseAgentIsNotHeardIsNotSentToInVain) {
  BringToRunning("low");
  EXPECT_TRUE(levels_->RequireListening("low"));
  levels_->OnLink("low", {report::AgentLink::kProtocolError, "a flood"});
  levels_->OnLink("low", {report::AgentLink::kUp, {}});
  EXPECT_TRUE(levels_->RequireRunning("low"));
  EXPECT_EQ(levels_->RequireListening("low").error().code, ErrorCode::kUnavailable);
  AgentSaysHello("low");
  EXPECT_TRUE(levels_->RequireListening("low"));
}

TEST_F(LevelsTest, ALevelWhoseAgentFallsSilentSaysSoUntilItsNextWord) {
  EndHostd();
  silence_ms_ = 20;
  BeginHostd();
  Adopt();
  BringToRunning("low");
  auto unheard = [&] { return !StatusOf("low").reason.empty(); };
  ASSERT_TRUE(Until(unheard)) << "I8";
  EXPECT_EQ(StatusOf("low").state, LevelState::kRunning);
  EXPECT_EQ(levels_->RequireListening("low").error().code, ErrorCode::kUnavailable);
  levels_->OnGuest("low", control::Health{});
  EXPECT_EQ(StatusOf("low").reason, "");
  EXPECT_TRUE(levels_->RequireListening("low"));
  EXPECT_TRUE(Until(unheard)) << "and again";
}

TEST_F(LevelsTest, AnAdoptedLevelThatSaysNothingIsSaidToBeUnheard) {
  BringToRunning("low");
  EndHostd();
  silence_ms_ = 20;
  BeginHostd();
  Adopt();
  ASSERT_TRUE(UntilState("low", LevelState::kRunning));
  EXPECT_TRUE(Until([&] { return !StatusOf("low").reason.empty(); })) << "I8";
}

TEST_F(LevelsTest, AnAgentThatSaidHelloLateHasTheWholeTimeToBeReady) {
  applied_ = Spec(1);
  levels_->SetApplied(applied_);
  ASSERT_TRUE(levels_->Start("low", "uid:0", false));
  ASSERT_TRUE(UntilStep("low", "boot"));
  auto wait = [&] {
    auto end = g_get_monotonic_time() + 700'000;
    EXPECT_TRUE(Until([&] { return g_get_monotonic_time() > end; }));
  };
  wait();
  AgentSaysHello("low");
  wait();
  EXPECT_EQ(StatusOf("low").step, "settle") << StatusOf("low").reason;
  // Once only: an agent that says hello again and again is not waited for.
  AgentSaysHello("low");
  ASSERT_TRUE(UntilState("low", LevelState::kFailed));
  EXPECT_EQ(StatusOf("low").step, "settle");
}

TEST_F(LevelsTest, CannotStartOnAnImageThatWasChanged) {
  Spill(image_ + "/vmlinuz", "planted");
  ExpectFailureAt("storage", "vmlinuz");
}

TEST_F(LevelsTest, CannotStartWithoutItsNetworkRules) {
  network_.works = false;
  ASSERT_TRUE(levels_->Start("low", "uid:0", false));
  ASSERT_TRUE(UntilState("low", LevelState::kFailed));
  network_.works = true;
  EXPECT_TRUE(hypervisor_.Domains().empty()) << "I1: no rules, no virtual machine";
}

TEST_F(LevelsTest, AFailureOfTheChannelsIsUndone) {
  super_.works = false;
  ASSERT_TRUE(levels_->Start("low", "uid:0", false));
  ASSERT_TRUE(UntilStep("low", "undo"));
  EXPECT_TRUE(hypervisor_.Domains().empty());
  ASSERT_TRUE(UntilState("low", LevelState::kFailed));
  EXPECT_TRUE(network_.levels.empty());
}

TEST_F(LevelsTest, AFailureOfTheDomainIsUndone) {
  hypervisor_.FailNext("CreatePaused", "low", {ErrorCode::kIo, "QEMU says no", 0});
  ExpectFailureAt("domain", "QEMU says no");
}

TEST_F(LevelsTest, AFailureOfTheResumeIsUndone) {
  hypervisor_.FailNext("Resume", "low", {ErrorCode::kTimeout, "no answer", 0});
  ExpectFailureAt("run", "no answer");
}

TEST_F(LevelsTest, AFailedLevelStartsAgain) {
  hypervisor_.FailNext("CreatePaused", "low", {ErrorCode::kIo, "QEMU says no", 0});
  ExpectFailureAt("domain", "QEMU says no");
  BringToRunning("low");
  EXPECT_EQ(StatusOf("low").reason, "");
}

TEST_F(LevelsTest, CannotCreateADomainThatIsNotOnRecord) {
  BreakAudit();
  ASSERT_TRUE(levels_->Start("low", "uid:0", false));
  ASSERT_TRUE(UntilState("low", LevelState::kFailed));
  EXPECT_NE(StatusOf("low").reason.find("audit"), std::string::npos) << StatusOf("low").reason;
  for (const auto& call : hypervisor_.Calls()) EXPECT_EQ(call.find("CreatePaused"), call.npos);
  ExpectNothingLeft("low");
}

TEST_F(LevelsTest, TheStartIsOnRecordBeforeTheDomainIsThere) {
  std::string at_network;
  network_.on_apply = [&](const std::string&) { at_network = Audit(); };
  BringToRunning("low");
  EXPECT_NE(at_network.find("level.start"), std::string::npos) << "I7";
}

TEST_F(LevelsTest, TheNetworkGoesOnlyWhenTheDomainIsGone) {
  BringToRunning("low");
  bool there = true;
  network_.on_remove = [&](const std::string& level) {
    there = hypervisor_.Domains().contains(level);
  };
  ASSERT_TRUE(levels_->Stop("low", "uid:0", true));
  ASSERT_TRUE(UntilState("low", LevelState::kStopped));
  EXPECT_FALSE(there) << "I1";
  ExpectNothingLeft("low");
}

TEST_F(LevelsTest, CannotLoseItsRulesWhileItsDomainMayRun) {
  BringToRunning("low");
  hypervisor_.FailNext("Destroy", "low", {ErrorCode::kOutcomeUnknown, "no answer", 0});
  ASSERT_TRUE(levels_->Stop("low", "uid:0", true));
  ASSERT_TRUE(UntilState("low", LevelState::kFailed));
  EXPECT_TRUE(network_.levels.contains("low")) << "I1";
  EXPECT_TRUE(levels_->Live().contains("low")) << "a spec set without it must not be applied";
  EXPECT_FALSE(levels_->Start("low", "uid:0", false));
  LookAgain();
  ASSERT_TRUE(UntilState("low", LevelState::kStopped));
  ExpectNothingLeft("low");
}

TEST_F(LevelsTest, AStopAsksTheAgentAndWaitsForTheEnd) {
  BringToRunning("low");
  ASSERT_TRUE(levels_->Stop("low", "uid:7", false));
  ASSERT_TRUE(Until([&] { return SentCount<control::Shutdown>("low") == 1; }));
  EXPECT_EQ(StatusOf("low").state, LevelState::kStopping);
  EXPECT_NE(Audit().find("uid:7"), std::string::npos) << "I7: before the agent was asked";
  hypervisor_.End("low", Kind::kStopped, "shutdown");
  ASSERT_TRUE(UntilState("low", LevelState::kStopped));
  ExpectNothingLeft("low");
}

TEST_F(LevelsTest, AStopWithoutAnAgentEndsTheDomainAtOnce) {
  BringToRunning("low");
  agent_listens_ = false;
  ASSERT_TRUE(levels_->Stop("low", "uid:0", false));
  ASSERT_TRUE(UntilState("low", LevelState::kStopped));
  ExpectNothingLeft("low");
}

TEST_F(LevelsTest, ForceEndsAShutdownThatTakesLong) {
  BringToRunning("low");
  ASSERT_TRUE(levels_->Stop("low", "uid:0", false));
  ASSERT_TRUE(Until([&] { return SentCount<control::Shutdown>("low") == 1; }));
  ASSERT_TRUE(levels_->Stop("low", "uid:0", true));
  ASSERT_TRUE(UntilState("low", LevelState::kStopped));
}

TEST_F(LevelsTest, SilenceAfterTheStartEndsTheLevel) {
  applied_ = Spec(1);
  levels_->SetApplied(applied_);
  ExpectFailureAt("boot", "no hello within 1 s");
}

TEST_F(LevelsTest, AStopDuringTheBringUpStopsIt) {
  ASSERT_TRUE(levels_->Start("low", "uid:0", false));
  ASSERT_TRUE(levels_->Stop("low", "uid:0", true));
  ASSERT_TRUE(UntilState("low", LevelState::kStopped));
  ExpectNothingLeft("low");
}

TEST_F(LevelsTest, ACrashIsFailedAndCleanedUp) {
  BringToRunning("low");
  hypervisor_.End("low", Kind::kCrashed, "crashed");
  ASSERT_TRUE(UntilState("low", LevelState::kFailed));
  EXPECT_EQ(StatusOf("low").step, "run");
  ExpectNothingLeft("low");
}

TEST_F(LevelsTest, AShutdownFromInsideIsNotRecordedAsAPersonsWish) {
  BringToRunning("low");
  std::size_t before = Audit().size();
  hypervisor_.End("low", Kind::kStopped, "shutdown");
  ASSERT_TRUE(UntilState("low", LevelState::kStopped));
  EXPECT_EQ(Audit().substr(before).find("uid:0"), std::string::npos);
  EXPECT_NE(Audit().find("from inside"), std::string::npos);
}

TEST_F(LevelsTest, ARestartIsANewStartWithANewAgent) {
  BringToRunning("low");
  ASSERT_TRUE(levels_->Restart("low", "uid:0"));
  ASSERT_TRUE(Until([&] { return SentCount<control::Shutdown>("low") == 1; }));
  // The old agent's last word must not make the new run ready.
  hypervisor_.End("low", Kind::kStopped, "shutdown");
  ASSERT_TRUE(UntilStep("low", "boot"));
  Settle();
  EXPECT_EQ(StatusOf("low").state, LevelState::kStarting);
  AgentSaysHello("low");
  AgentIsReady("low");
  EXPECT_EQ(StatusOf("low").state, LevelState::kRunning);
  EXPECT_EQ(SentCount<control::Welcome>("low"), 2U);
}

TEST_F(LevelsTest, APausedStartWaitsUntilItIsAskedToRunAndThatIsOnRecord) {
  ASSERT_TRUE(levels_->Start("low", "uid:0", true));
  ASSERT_TRUE(UntilStep("low", "paused"));
  EXPECT_EQ(hypervisor_.Domains().at("low").info.state, DomainState::kPaused);
  ASSERT_TRUE(levels_->Start("low", "uid:7", false));
  ASSERT_TRUE(UntilStep("low", "boot"));
  EXPECT_NE(Audit().find("uid:7"), std::string::npos) << "I7";
  AgentSaysHello("low");
  AgentIsReady("low");
  EXPECT_EQ(StatusOf("low").state, LevelState::kRunning);
}

TEST_F(LevelsTest, CannotResumeAPausedLevelThatIsNotOnRecord) {
  ASSERT_TRUE(levels_->Start("low", "uid:0", true));
  ASSERT_TRUE(UntilStep("low", "paused"));
  BreakAudit();
  ASSERT_TRUE(levels_->Start("low", "uid:7", false));
  ASSERT_TRUE(UntilState("low", LevelState::kFailed));
  for (const auto& call : hypervisor_.Calls()) EXPECT_EQ(call.find("Resume"), call.npos);
}

TEST_F(LevelsTest, AnIsolatedLevelIsStoppedAndSaysWhy) {
  BringToRunning("low");
  levels_->Isolate("low", "network", "its rules are not in force");
  ASSERT_TRUE(UntilState("low", LevelState::kFailed));
  EXPECT_EQ(StatusOf("low").step, "network");
  EXPECT_EQ(StatusOf("low").reason, "its rules are not in force");
  ExpectNothingLeft("low");
}

TEST_F(LevelsTest, AnIsolationDuringTheStartIsNotForgotten) {
  ASSERT_TRUE(levels_->Start("low", "uid:0", false));
  levels_->Isolate("low", "network", "its rules are not in force");
  ASSERT_TRUE(UntilState("low", LevelState::kFailed)) << StatusOf("low").step;
  EXPECT_EQ(StatusOf("low").reason, "its rules are not in force");
  ExpectNothingLeft("low");
}

TEST_F(LevelsTest, ASpecSetWithoutAStoppedLevelForgetsIt) {
  BringToRunning("high");
  ASSERT_TRUE(levels_->Stop("high", "uid:0", true));
  ASSERT_TRUE(UntilState("high", LevelState::kStopped));
  levels_->SetApplied(Spec(120, false));
  EXPECT_EQ(levels_->Start("high", "uid:0", false).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(levels_->Views().size(), 1U);
  levels_->OnGuest("high", control::Ready{});
  levels_->OnLink("high", {});
}

TEST_F(LevelsTest, CannotBeToldToStartWhatIsNotInTheSpec) {
  EXPECT_EQ(levels_->Start("other", "uid:0", false).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(levels_->RequireRunning("other").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(levels_->RequireRunning("low").error().code, ErrorCode::kUnavailable);
}

TEST_F(LevelsTest, AGuestsClockThatStoodStillIsSet) {
  BringToRunning("low");
  control::Health health;
  health.memory_total_kib = 2048;
  health.memory_available_kib = 1024;
  health.clock_us = 1;
  levels_->OnGuest("low", health);
  EXPECT_EQ(SentCount<control::Clock>("low"), 1U);
  EXPECT_EQ(levels_->View("low")->measures.memory_used_mib, 1U);
  EXPECT_LT(levels_->View("low")->measures.clock_offset_ms, -1000);
}

}  // namespace
}  // namespace bulkhead::hostd
