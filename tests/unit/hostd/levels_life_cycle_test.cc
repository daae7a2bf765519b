// SPDX-License-Identifier: GPL-2.0-or-later
/// What the life cycle of a level says: the order of starts, what follows a crash, what is left
/// afterwards; and network rules that end while a level runs.
#include <ctime>

#include "hostd/storage/state_disk.h"
#include "tests/unit/hostd/levels_fixture.h"

namespace bulkhead::hostd {
namespace {

class LevelsLifeCycleTest : public LevelsFixture {
 protected:
  /// Puts a changed set into force.
  void Change(const std::function<void(vmspec::SpecSet&)>& change) {
    auto changed = std::make_shared<AppliedSpec>(*applied_);
    change(changed->spec);
    applied_ = changed;
    levels_->SetApplied(applied_);
  }
  static vmspec::Level& Low(vmspec::SpecSet& spec) { return spec.levels.at("low"); }
  static vmspec::Level& High(vmspec::SpecSet& spec) { return spec.levels.at("high"); }
  std::string ScratchOf(const std::string& level) const {
    return StateDiskPath(paths_.LevelDir(level), false);
  }
  std::vector<vmspec::NetRule> RulesOfLow() {
    std::lock_guard lock(network_.mutex);
    return network_.policies["low"].rules;
  }
  static vmspec::NetRule Rule(std::int64_t until) {
    return {.to = *vmspec::ParsePrefix("192.0.2.9"),
            .until_unix_s = until,
            .origin = {"levels/low.toml", 9, 1, 1}};
  }
};

TEST_F(LevelsLifeCycleTest, LevelsOfALowerOrderStartFirst) {
  Change([](auto& spec) {
    for (auto* level : {&Low(spec), &High(spec)}) level->autostart = true;
    Low(spec).life_cycle.order = 20;
    High(spec).life_cycle.order = 10;
  });
  Adopt();
  ASSERT_TRUE(UntilStep("high", "boot")) << StatusOf("high").reason;
  Settle();
  EXPECT_EQ(StatusOf("low").state, LevelState::kStopped);
  AgentSaysHello("high");
  AgentIsReady("high");
  EXPECT_TRUE(UntilStep("low", "boot")) << StatusOf("low").reason;
}

TEST_F(LevelsLifeCycleTest, LevelsOfOneOrderStartTogether) {
  Change([](auto& spec) {
    for (auto* level : {&Low(spec), &High(spec)}) level->autostart = true;
  });
  Adopt();
  EXPECT_TRUE(UntilStep("high", "boot"));
  EXPECT_TRUE(UntilStep("low", "boot"));
}

TEST_F(LevelsLifeCycleTest, ALevelThatFailsDoesNotHoldUpThoseAfterIt) {
  Change([](auto& spec) {
    for (auto* level : {&Low(spec), &High(spec)}) level->autostart = true;
    High(spec).life_cycle.order = 10;
    High(spec).image = "missing";
  });
  Adopt();
  EXPECT_TRUE(UntilState("high", LevelState::kFailed));
  EXPECT_TRUE(UntilStep("low", "boot")) << StatusOf("low").reason;
}

TEST_F(LevelsLifeCycleTest, ALevelThatCrashesIsStartedAgainByHostd) {
  Change([](auto& spec) { Low(spec).life_cycle.on_crash = vmspec::OnCrash::kRestart; });
  Adopt();
  BringToRunning("low");
  hypervisor_.End("low", Kind::kCrashed, "crashed");
  ASSERT_TRUE(UntilStep("low", "boot")) << StatusOf("low").reason;
  EXPECT_TRUE(hypervisor_.Domains().contains("low"));
  std::string audit = Audit();
  EXPECT_NE(std::string::npos, audit.find("ended by itself")) << audit;
  std::string last = audit.substr(audit.rfind("\"level.start\"") - 120);
  EXPECT_NE(std::string::npos, last.find("\"actor\":\"hostd\"")) << last;
}

TEST_F(LevelsLifeCycleTest, ALevelThatKeepsCrashingIsLeftAloneWithTheReason) {
  Change([](auto& spec) { Low(spec).life_cycle.on_crash = vmspec::OnCrash::kRestart; });
  Adopt();
  BringToRunning("low");
  for (int i = 0; i < 3; ++i) {
    hypervisor_.End("low", Kind::kCrashed, "crashed");
    ASSERT_TRUE(Until([&] { return StatusOf("low").reason.find("again") != std::string::npos; }));
    ASSERT_TRUE(UntilStep("low", "boot"));
    AgentSaysHello("low");
    AgentIsReady("low");
    ASSERT_EQ(StatusOf("low").state, LevelState::kRunning);
  }
  hypervisor_.End("low", Kind::kCrashed, "crashed");
  ASSERT_TRUE(UntilState("low", LevelState::kFailed));
  EXPECT_NE(std::string::npos, StatusOf("low").reason.find("3 times within 10 minutes"));
  ExpectNothingLeft("low");
}

TEST_F(LevelsLifeCycleTest, ADisposableLevelLeavesNothingBehind) {
  Change([](auto& spec) { Low(spec).life_cycle.disposable = true; });
  Adopt();
  BringToRunning("low");
  EXPECT_TRUE(std::filesystem::exists(ScratchOf("low")));
  EXPECT_FALSE(std::filesystem::exists(StateDiskPath(paths_.LevelDir("low"), true)));
  ASSERT_TRUE(levels_->Stop("low", "uid:0", true));
  ASSERT_TRUE(UntilState("low", LevelState::kStopped));
  EXPECT_FALSE(std::filesystem::exists(ScratchOf("low")));
}

TEST_F(LevelsLifeCycleTest, WhatAHostThatWentDownLeftOfADisposableLevelIsRemoved) {
  std::filesystem::create_directory(paths_.LevelDir("low"));
  std::ofstream(ScratchOf("low")) << "secret";
  std::filesystem::create_directory(paths_.LevelDir("high"));
  std::ofstream(ScratchOf("high")) << "made anew at its start";
  Change([](auto& spec) { Low(spec).life_cycle.disposable = true; });
  Adopt();
  Settle();
  EXPECT_FALSE(std::filesystem::exists(ScratchOf("low")));
  EXPECT_TRUE(std::filesystem::exists(ScratchOf("high")));
}

TEST_F(LevelsLifeCycleTest, S21ARuleThatEndsIsTakenAwayWhileTheLevelRuns) {
  std::int64_t now = std::time(nullptr);
  Change([&](auto& spec) { Low(spec).network.allow = {Rule(0), Rule(now + 2), Rule(now - 1)}; });
  Adopt();
  BringToRunning("low");
  {
    std::lock_guard lock(network_.mutex);
    ASSERT_EQ(2U, network_.policies["low"].rules.size());
  }
  EXPECT_TRUE(Until([&] {
    std::lock_guard lock(network_.mutex);
    return network_.policies["low"].rules.size() == 1;
  }));
  EXPECT_GE(std::time(nullptr), now + 2);
  Settle();
  EXPECT_EQ(StatusOf("low").state, LevelState::kRunning);
}

TEST_F(LevelsLifeCycleTest, S21ARuleThatIsGivenMoreTimeAfterItsEndIsThereAgain) {
  std::int64_t now = std::time(nullptr);
  Change([&](auto& spec) { Low(spec).network.allow = {Rule(now - 1)}; });
  Adopt();
  BringToRunning("low");
  EXPECT_TRUE(RulesOfLow().empty());
  Change([&](auto& spec) { Low(spec).network.allow = {Rule(now + 3600)}; });
  levels_->Converge([] {});
  EXPECT_TRUE(Until([&] { return RulesOfLow().size() == 1; }));
}

TEST_F(LevelsLifeCycleTest, S21CannotKeepARuleThatEndsInTheMomentOfANewSet) {
  std::int64_t now = std::time(nullptr);
  Change([&](auto& spec) { Low(spec).network.allow = {Rule(now + 2)}; });
  Adopt();
  BringToRunning("low");
  ASSERT_EQ(1U, RulesOfLow().size());
  // The main loop does not come round: the timer is late.
  while (std::time(nullptr) <= now + 2) ::usleep(50'000);
  Change([&](auto& spec) { Low(spec).network.allow.clear(); });
  levels_->Converge([] {});
  EXPECT_TRUE(Until([&] { return RulesOfLow().empty(); }));
}

TEST_F(LevelsLifeCycleTest, I8ALevelWhoseEndedRuleCannotBeTakenAwayIsStopped) {
  std::int64_t now = std::time(nullptr);
  Change([&](auto& spec) { Low(spec).network.allow = {Rule(now + 2)}; });
  Adopt();
  BringToRunning("low");
  network_.on_apply = [this](const std::string&) { network_.works = false; };
  {
    std::lock_guard lock(network_.mutex);
    network_.works = false;
  }
  ASSERT_TRUE(Until([&] { return StatusOf("low").state != LevelState::kRunning; }));
  EXPECT_FALSE(hypervisor_.Domains().contains("low") &&
               StatusOf("low").state == LevelState::kRunning);
  {
    std::lock_guard lock(network_.mutex);
    network_.works = true;
  }
  network_.on_apply = nullptr;
}

TEST_F(LevelsLifeCycleTest, CannotBringTheNetworkOfAStoppedLevelBackWhenARuleEnds) {
  std::int64_t now = std::time(nullptr);
  Change([&](auto& spec) { Low(spec).network.allow = {Rule(now + 1)}; });
  Adopt();
  int applied = 0;
  network_.on_apply = [&](const std::string&) { ++applied; };
  Until([&] { return std::time(nullptr) > now + 2; });
  Settle();
  EXPECT_EQ(0, applied);
  network_.on_apply = nullptr;
}

}  // namespace
}  // namespace bulkhead::hostd
