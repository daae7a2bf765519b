// SPDX-License-Identifier: GPL-2.0-or-later
/// A set that changes under levels that run: who is touched, and who is not (S7, I1, I8).
#include <gmock/gmock.h>

#include "tests/unit/hostd/levels_fixture.h"

namespace bulkhead::hostd {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ConvergeTest : public LevelsFixture {
 protected:
  using Change = std::function<void(AppliedSpec&)>;

  void SetUp() override {
    LevelsFixture::SetUp();
    network_.on_apply = [this](const std::string& level) { netd_.push_back("apply " + level); };
    network_.on_remove = [this](const std::string& level) { netd_.push_back("remove " + level); };
    Adopt();
    Settle();
  }
  void RunBoth() {
    BringToRunning("low");
    BringToRunning("high");
    Settle();
    netd_.clear();
    before_ = hypervisor_.Calls().size();
  }
  /// Brings the changed set into force, as Daemon does, up to superd.
  void Apply(const Change& change) {
    auto next = std::make_shared<AppliedSpec>(*levels_->applied());
    change(*next);
    levels_->SetApplied(next);
    bool done = false;
    levels_->Converge([&] { done = true; });
    ASSERT_TRUE(Until([&] { return done; }));
    ASSERT_TRUE(keeper_->Refresh(next));
    Settle();
  }
  std::vector<std::string> HypervisorCalls() const {
    auto calls = hypervisor_.Calls();
    return {calls.begin() + static_cast<std::ptrdiff_t>(before_), calls.end()};
  }
  static vmspec::NetRule AllowDns() {
    vmspec::NetRule rule;
    rule.protocol = vmspec::Protocol::kUdp;
    rule.to = *vmspec::ParsePrefix("10.0.0.53");
    rule.ports = {{53, 53}};
    rule.origin = {"levels/low.toml", 30, 1};
    return rule;
  }
  std::set<std::string> Halves() const {
    std::set<std::string> names;
    for (const auto& i : super_.now) {
      if (i.kind != ServiceInstance::Kind::kAgentd) names.insert(i.name);
    }
    return names;
  }
  std::vector<std::string> NeededOf(const std::string& level) const {
    return levels_->View(level)->restart_needed;
  }

  std::vector<std::string> netd_;
  std::size_t before_ = 0;
};

TEST_F(ConvergeTest, ASetThatChangesNothingTouchesNobody) {
  RunBoth();
  Apply([](AppliedSpec& next) {
    // Lines moved, a comment was written: nothing means anything else.
    for (auto& [name, level] : next.spec.levels) level.origin.line += 7;
    next.spec.levels["mid"] = next.spec.levels["high"];
    next.spec.levels["mid"].name = "mid";
    next.levels["mid"] = 3;
  });
  EXPECT_THAT(HypervisorCalls(), IsEmpty());
  EXPECT_THAT(netd_, IsEmpty());
  EXPECT_THAT(NeededOf("low"), IsEmpty());
}

TEST_F(ConvergeTest, NetworkRulesReachTheOneLevelWhoseRulesChanged) {
  RunBoth();
  Apply([](AppliedSpec& next) { next.spec.levels["low"].network.allow = {AllowDns()}; });
  EXPECT_THAT(netd_, ElementsAre("apply low"));
  EXPECT_THAT(HypervisorCalls(), IsEmpty());
  EXPECT_THAT(NeededOf("low"), IsEmpty());
  netd_.clear();
  // The same rule from another line, with a comment.
  Apply([](AppliedSpec& next) {
    next.spec.levels["low"].network.allow[0].origin.line = 99;
    next.spec.levels["low"].network.allow[0].comment = "DNS";
  });
  EXPECT_THAT(netd_, IsEmpty());
}

TEST_F(ConvergeTest, WhatNeedsARestartIsNamedUntilThatStart) {
  RunBoth();
  Apply([](AppliedSpec& next) {
    next.spec.levels["high"].memory_mib = 1024;
    next.spec.levels["high"].memory_max_mib = 1024;
    next.spec.levels["high"].vcpus = 2;
  });
  EXPECT_THAT(NeededOf("high"), ElementsAre("memory", "vcpus"));
  EXPECT_THAT(NeededOf("low"), IsEmpty());
  EXPECT_THAT(HypervisorCalls(), IsEmpty());
  ASSERT_TRUE(levels_->Stop("high", "uid:0", true));
  ASSERT_TRUE(UntilState("high", LevelState::kStopped));
  EXPECT_THAT(NeededOf("high"), IsEmpty());
  BringToRunning("high");
  EXPECT_THAT(NeededOf("high"), IsEmpty());
  EXPECT_THAT(hypervisor_.Domains().at("high").xml, HasSubstr(">1024</memory>"));
}

TEST_F(ConvergeTest, WhatNeedsARestartIsKnownToAHostdThatBeginsAnew) {
  RunBoth();
  auto next = std::make_shared<AppliedSpec>(*applied_);
  next->spec.levels["high"].image = "other";
  EndHostd();
  applied_ = next;
  BeginHostd();
  Adopt();
  Settle();
  EXPECT_THAT(NeededOf("high"), ElementsAre("image"));
  EXPECT_THAT(NeededOf("low"), IsEmpty());
}

TEST_F(ConvergeTest, AFlowThatComesOrGoesStartsOrEndsItsHalvesOnly) {
  RunBoth();
  EXPECT_EQ(Halves(), std::set<std::string>{"up"});
  Apply([](AppliedSpec& next) {
    next.spec.flows["more"] = next.spec.flows["up"];
    next.spec.flows["more"].name = "more";
    next.flows["more"] = 2;
  });
  EXPECT_EQ(Halves(), (std::set<std::string>{"more", "up"}));
  EXPECT_THAT(NeededOf("low"), ElementsAre("flow more")) << "its port comes with the next start";
  EXPECT_THAT(NeededOf("high"), ElementsAre("flow more"));
  Apply([](AppliedSpec& next) {
    next.spec.flows.erase("more");
    next.spec.flows["up"].max_files = 7;
  });
  EXPECT_EQ(Halves(), std::set<std::string>{"up"});
  EXPECT_EQ(super_.now.at(2).max_files, 7u);
  EXPECT_THAT(NeededOf("low"), IsEmpty());
  EXPECT_THAT(HypervisorCalls(), IsEmpty());
  EXPECT_THAT(netd_, IsEmpty());
}

TEST_F(ConvergeTest, AFlowThatWentAndCameBackNeedsARestartForItsPortIsClosed) {
  RunBoth();
  vmspec::Flow up = applied_->spec.flows.at("up");
  Apply([](AppliedSpec& next) { next.spec.flows.erase("up"); });
  EXPECT_THAT(NeededOf("low"), IsEmpty());
  Apply([&](AppliedSpec& next) { next.spec.flows["up"] = up; });
  EXPECT_THAT(NeededOf("low"), ElementsAre("flow up"));
}

TEST_F(ConvergeTest, ALevelWhoseRulesCannotBeHadIsStoppedAndNoOther) {
  RunBoth();
  network_.works = false;
  Apply([](AppliedSpec& next) { next.spec.levels["low"].network.allow = {AllowDns()}; });
  network_.works = true;
  ASSERT_TRUE(Until([&] { return StatusOf("low").state != LevelState::kRunning; }));
  EXPECT_EQ(StatusOf("high").state, LevelState::kRunning);
  EXPECT_THAT(log_, Contains(HasSubstr("netd is away")));
}

TEST_F(ConvergeTest, CannotRunUnderTheRulesOfASetThatWasReplacedDuringItsStart) {
  // The set changes at the moment in which the start has just given the level its old network.
  bool changed = false;
  auto next = std::make_shared<AppliedSpec>(*applied_);
  next->spec.levels["low"].network.allow = {AllowDns()};
  network_.on_apply = [&](const std::string& level) {
    netd_.push_back("apply " + level);
    if (std::exchange(changed, true)) return;
    Work::ToMain([&] {
      levels_->SetApplied(next);
      levels_->Converge([] {});
    });
  };
  ASSERT_TRUE(levels_->Start("low", "uid:0", false));
  ASSERT_TRUE(UntilStep("low", "boot"));
  EXPECT_THAT(netd_, ElementsAre("apply low", "apply low"));
  auto calls = hypervisor_.Calls();
  EXPECT_EQ(calls.back(), "Resume low") << "the new rules came before it ran";
}

TEST_F(ConvergeTest, CannotComeBackToTheFlowsOfASetThatWasReplacedDuringAStart) {
  auto next = std::make_shared<AppliedSpec>(*applied_);
  next->spec.flows.erase("up");
  ASSERT_TRUE(keeper_->Refresh(next));
  // A start that began before the apply tells superd of its level, with the set that it knows.
  ASSERT_TRUE(keeper_->Activate(applied_, "low"));
  EXPECT_THAT(Halves(), IsEmpty());
}

TEST_F(ConvergeTest, AStartThatFailsUnderTheNewRulesNeverRuns) {
  bool changed = false;
  auto next = std::make_shared<AppliedSpec>(*applied_);
  next->spec.levels["low"].network.allow = {AllowDns()};
  network_.on_apply = [&](const std::string&) {
    if (std::exchange(changed, true)) return;
    network_.works = false;
    Work::ToMain([&] { levels_->SetApplied(next); });
  };
  ASSERT_TRUE(levels_->Start("low", "uid:0", false));
  ASSERT_TRUE(UntilState("low", LevelState::kFailed)) << StatusOf("low").step;
  for (const std::string& call : hypervisor_.Calls()) EXPECT_NE(call, "Resume low");
}

TEST(EndsOfChanges, AreTheLevelsOfWhatChanged) {
  AppliedSpec before;
  for (const char* name : {"a", "b", "c"}) {
    before.spec.levels[name].name = name;
    before.levels[name] = static_cast<std::uint32_t>(before.levels.size()) + 1;
  }
  before.spec.flows["f"] = {.name = "f", .from = "a", .to = "b"};
  before.flows["f"] = 1;
  AppliedSpec after = before;
  std::set<std::string> live{"a", "b", "c"};
  EXPECT_THAT(EndsOfChanges(before, after, live), IsEmpty());
  after.spec.flows["f"].quota_bytes /= 2;
  EXPECT_THAT(EndsOfChanges(before, after, live), ElementsAre("a", "b"));
  EXPECT_THAT(EndsOfChanges(before, after, {"c"}), IsEmpty());
}

TEST(StartedBook, SurvivesItsProcessAndNoDamage) {
  TempDir dir;
  RestartFacts facts{{"memory", "512;512;"}, {"flow up", "to high"}};
  ASSERT_TRUE(StartedBook(dir / "s", "b1").Set("low", facts));
  EXPECT_EQ(StartedBook(dir / "s", "b1").Find("low"), facts);
  EXPECT_EQ(StartedBook(dir / "s", "b2").Find("low"), std::nullopt) << "another boot";
  std::string good = Slurp(dir / "s");
  for (std::size_t at = 0; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 1);
    Spill(dir / "s", bad);
    EXPECT_EQ(StartedBook(dir / "s", "b1").Find("low"), std::nullopt) << at;
  }
}

}  // namespace
}  // namespace bulkhead::hostd
