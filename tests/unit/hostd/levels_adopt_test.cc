// SPDX-License-Identifier: GPL-2.0-or-later
/// A hostd that begins among levels that run, half run or are gone; libvirt lost and back.
#include "tests/unit/hostd/levels_fixture.h"

namespace bulkhead::hostd {
namespace {

class LevelsAdoptTest : public LevelsFixture {
 protected:
  void Restart() {
    EndHostd();
    BeginHostd();
  }
};

TEST_F(LevelsAdoptTest, CannotStartBeforeItIsKnownWhatRuns) {
  EXPECT_EQ(levels_->Start("low", "uid:0", false).error().code, ErrorCode::kUnavailable);
  Adopt();
  EXPECT_TRUE(levels_->Start("low", "uid:0", false));
}

TEST_F(LevelsAdoptTest, ARunningLevelIsAdoptedUntouched) {
  Adopt();
  BringToRunning("low");
  Restart();
  std::size_t calls = hypervisor_.Calls().size();
  Adopt();
  EXPECT_EQ(StatusOf("low").state, LevelState::kRunning);
  Settle();
  EXPECT_EQ(StatusOf("low").state, LevelState::kRunning);
  auto all = hypervisor_.Calls();
  for (std::size_t i = calls; i < all.size(); ++i) {
    EXPECT_EQ(all[i].find("Destroy"), std::string::npos);
    EXPECT_EQ(all[i].find("CreatePaused"), std::string::npos);
  }
  EXPECT_TRUE(network_.levels.contains("low"));
}

TEST_F(LevelsAdoptTest, AnAgentThatSpeaksBeforeLibvirtDoesIsWelcomed) {
  Adopt();
  BringToRunning("low");
  Restart();
  sent_.clear();
  ready_.clear();
  // agentd has connected anew and says again what it knows; libvirt has not answered yet.
  AgentSaysHello("low");
  AgentIsReady("low");
  Adopt();
  EXPECT_TRUE(Until([&] { return !ready_.empty(); })) << "or nothing is delivered to it any more";
  EXPECT_EQ(SentCount<control::Welcome>("low"), 1U);
  EXPECT_EQ(StatusOf("low").boot_id, "b-1");
}

TEST_F(LevelsAdoptTest, AdoptingOneLevelDoesNotEndTheProcessesOfAnother) {
  Adopt();
  BringToRunning("low");
  BringToRunning("high");
  Restart();
  std::size_t before = super_.told.size();
  Adopt();
  Settle();
  ASSERT_GT(super_.told.size(), before);
  for (std::size_t i = before; i < super_.told.size(); ++i) {
    EXPECT_EQ(AgentsOf(super_.told[i]), (std::set<std::string>{"low", "high"}));
  }
}

TEST_F(LevelsAdoptTest, APausedLevelStaysPausedAndKeepsItsProcesses) {
  Adopt();
  ASSERT_TRUE(levels_->Start("low", "uid:0", true));
  ASSERT_TRUE(UntilStep("low", "paused"));
  Restart();
  super_.now.clear();
  Adopt();
  Settle();
  EXPECT_EQ(StatusOf("low").step, "paused");
  EXPECT_EQ(hypervisor_.Domains().at("low").info.state, DomainState::kPaused);
  EXPECT_EQ(AgentsOf(super_.now), std::set<std::string>{"low"});
  ASSERT_TRUE(levels_->Start("low", "uid:0", false));
  EXPECT_TRUE(UntilStep("low", "boot"));
}

TEST_F(LevelsAdoptTest, ProcessesOfLevelsThatAreGoneAreEnded) {
  super_.now = DesiredInstances(*applied_, {"high"});
  Adopt();
  EXPECT_TRUE(Until([&] {
    std::lock_guard lock(super_.mutex);
    return super_.now.empty();
  }));
}

TEST_F(LevelsAdoptTest, AHalfDoneStartIsFinished) {
  Adopt();
  ASSERT_TRUE(levels_->Start("low", "uid:0", true));
  ASSERT_TRUE(UntilStep("low", "paused"));
  // As if the kill had come between the domain and its resume.
  ASSERT_TRUE(runs_->Set("low", RunMark::kStarting));
  Restart();
  Adopt();
  ASSERT_TRUE(UntilStep("low", "boot"));
  EXPECT_EQ(hypervisor_.Domains().at("low").info.state, DomainState::kRunning);
}

TEST_F(LevelsAdoptTest, AStartThatHadNoDomainYetBeginsAgain) {
  ASSERT_TRUE(runs_->Set("low", RunMark::kStarting));
  Restart();
  Adopt();
  EXPECT_TRUE(UntilStep("low", "boot"));
}

TEST_F(LevelsAdoptTest, ALevelThatVanishedMeanwhileIsCleanedUpAndTold) {
  Adopt();
  BringToRunning("low");
  Restart();
  hypervisor_.End("low", Kind::kCrashed, "crashed");
  Adopt();
  ASSERT_TRUE(UntilState("low", LevelState::kFailed));
  EXPECT_NE(StatusOf("low").reason.find("while hostd was away"), std::string::npos);
  ExpectNothingLeft("low");
}

TEST_F(LevelsAdoptTest, CannotStayWhenItIsNotInTheSpec) {
  Adopt();
  BringToRunning("high");
  EndHostd();
  applied_ = Spec(120, false);
  BeginHostd();
  network_.levels.insert("high");
  bool there = true;
  network_.on_remove = [&](const std::string& level) {
    there = hypervisor_.Domains().contains(level);
  };
  Adopt();
  EXPECT_TRUE(levels_->Live().contains("high")) << "its rules and its number stay until it is gone";
  ASSERT_TRUE(Until([&] { return !hypervisor_.Domains().contains("high"); }));
  ASSERT_TRUE(Until([&] { return !levels_->Live().contains("high"); }));
  EXPECT_FALSE(there) << "I1";
  ExpectNothingLeft("high");
  EXPECT_NE(Audit().find("not in the applied spec set"), std::string::npos);
}

TEST_F(LevelsAdoptTest, AStrangerThatCannotBeEndedYetIsEndedLater) {
  Adopt();
  BringToRunning("high");
  EndHostd();
  applied_ = Spec(120, false);
  BeginHostd();
  hypervisor_.FailNext("Destroy", "high", {ErrorCode::kUnavailable, "libvirtd is gone", 0});
  Adopt();
  Settle();
  EXPECT_TRUE(hypervisor_.Domains().contains("high"));
  LookAgain();
  EXPECT_TRUE(Until([&] { return !hypervisor_.Domains().contains("high"); }));
}

TEST_F(LevelsAdoptTest, CannotRunWithTheNumberOfAnother) {
  Adopt();
  BringToRunning("low");
  EndHostd();
  auto other = std::make_shared<AppliedSpec>(*applied_);
  other->levels = {{"low", 7}, {"high", 2}};
  applied_ = other;
  BeginHostd();
  Adopt();
  ASSERT_TRUE(Until([&] { return !hypervisor_.Domains().contains("low"); }));
  ASSERT_TRUE(UntilState("low", LevelState::kStopped));
  BringToRunning("low");
}

TEST_F(LevelsAdoptTest, AForeignMachineOfThatNameIsLeftAloneAndTheStartSaysSo) {
  hypervisor_.AddForeign("low");
  Adopt();
  ASSERT_TRUE(levels_->Start("low", "uid:0", false));
  ASSERT_TRUE(UntilState("low", LevelState::kFailed));
  EXPECT_EQ(StatusOf("low").step, "domain");
  EXPECT_NE(StatusOf("low").reason.find("exists"), std::string::npos);
  EXPECT_TRUE(network_.levels.empty());
  EXPECT_EQ(hypervisor_.List()->foreign.size(), 1U);
}

TEST_F(LevelsAdoptTest, AnAutostartLevelStartsWhenHostdBegins) {
  auto changed = std::make_shared<AppliedSpec>(*applied_);
  changed->spec.levels["low"].autostart = true;
  levels_->SetApplied(changed);
  Adopt();
  EXPECT_TRUE(UntilStep("low", "boot"));
}

TEST_F(LevelsAdoptTest, ARunningLevelOutlivesTheLossOfLibvirt) {
  Adopt();
  BringToRunning("low");
  hypervisor_.SetConnected(false);
  Settle();
  EXPECT_EQ(StatusOf("low").state, LevelState::kRunning);
  hypervisor_.SetConnected(true);
  LookAgain();
  Settle();
  EXPECT_EQ(StatusOf("low").state, LevelState::kRunning);
}

TEST_F(LevelsAdoptTest, ALevelThatEndedWhileLibvirtWasAwayIsFound) {
  Adopt();
  BringToRunning("low");
  // No event reaches us.
  hypervisor_.SetOnEvent({});
  hypervisor_.End("low", Kind::kCrashed, "crashed");
  LookAgain();
  ASSERT_TRUE(UntilState("low", LevelState::kFailed));
  ExpectNothingLeft("low");
}

TEST_F(LevelsAdoptTest, AListingOlderThanAStartSaysNothingOfIt) {
  Adopt();
  Listing old = *hypervisor_.List();
  std::uint64_t asked_at = levels_->Epoch();
  BringToRunning("low");
  levels_->OnListing(old, asked_at, false);
  Settle();
  EXPECT_EQ(StatusOf("low").state, LevelState::kRunning);
}

TEST_F(LevelsAdoptTest, AStopThatLibvirtCannotHearIsDoneWhenItIsBack) {
  Adopt();
  BringToRunning("low");
  hypervisor_.SetConnected(false);
  ASSERT_TRUE(levels_->Stop("low", "uid:0", true));
  ASSERT_TRUE(UntilState("low", LevelState::kFailed));
  EXPECT_TRUE(network_.levels.contains("low")) << "I1: it may still run";
  hypervisor_.SetConnected(true);
  LookAgain();
  ASSERT_TRUE(UntilState("low", LevelState::kStopped));
  ExpectNothingLeft("low");
}

TEST_F(LevelsAdoptTest, ADomainThatDiesWhileItIsAdoptedIsCleanedUp) {
  Adopt();
  BringToRunning("low");
  Restart();
  network_.on_apply = [&](const std::string&) {
    network_.on_apply = nullptr;
    hypervisor_.End("low", Kind::kCrashed, "crashed");
  };
  Adopt();
  ASSERT_TRUE(UntilState("low", LevelState::kFailed));
  ExpectNothingLeft("low");
}

TEST_F(LevelsAdoptTest, AForcedStopDuringTheAdoptionIsDoneAfterIt) {
  Adopt();
  BringToRunning("low");
  Restart();
  Adopt();
  ASSERT_TRUE(levels_->Stop("low", "uid:0", true));
  ASSERT_TRUE(UntilState("low", LevelState::kStopped));
  ExpectNothingLeft("low");
}

TEST_F(LevelsAdoptTest, CannotStayUpWhenItsRulesCannotBeMadeTrue) {
  Adopt();
  BringToRunning("low");
  Restart();
  network_.works = false;
  Adopt();
  ASSERT_TRUE(UntilState("low", LevelState::kFailed));
  EXPECT_TRUE(hypervisor_.Domains().empty()) << "I8";
}

}  // namespace
}  // namespace bulkhead::hostd
