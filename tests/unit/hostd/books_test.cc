// SPDX-License-Identifier: GPL-2.0-or-later
/// What hostd writes down and what it asks superd for.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "hostd/level/instance_keeper.h"
#include "hostd/level/run_book.h"
#include "hostd/report/role.h"
#include "hostd/spec/spec_desk.h"
#include "vmspec/base/identity.h"

namespace bulkhead::hostd {
namespace {

using Kind = ServiceInstance::Kind;

class BooksTest : public testing::Test {
 protected:
  BooksTest() {
    char name[] = "/tmp/books-test-XXXXXX";
    folder = ::mkdtemp(name);
  }
  ~BooksTest() override { std::filesystem::remove_all(folder); }
  std::string folder;
};

TEST_F(BooksTest, RunMarksOutliveTheProcessButNotTheBoot) {
  {
    RunBook book(folder + "/runs", "boot-a");
    ASSERT_TRUE(book.Set("low", RunMark::kStarting));
    ASSERT_TRUE(book.Set("high", RunMark::kRunning));
    ASSERT_TRUE(book.Set("low", RunMark::kRunning));
    ASSERT_TRUE(book.Set("mid", RunMark::kPaused));
    ASSERT_TRUE(book.Clear("mid"));
  }
  RunBook again(folder + "/runs", "boot-a");
  EXPECT_EQ(again.marks(),
            (RunBook::Marks{{"high", RunMark::kRunning}, {"low", RunMark::kRunning}}));
  EXPECT_TRUE(RunBook(folder + "/runs", "boot-b").marks().empty());
}

TEST_F(BooksTest, ADamagedRunBookStartsNothing) {
  std::ofstream(folder + "/runs") << "garbage \x01\x02 running running";
  EXPECT_TRUE(RunBook(folder + "/runs", "boot-a").marks().empty());
}

std::shared_ptr<AppliedSpec> TwoLevels() {
  auto applied = std::make_shared<AppliedSpec>();
  for (const char* name : {"low", "high"}) {
    applied->spec.levels[name].name = name;
  }
  applied->spec.levels["high"].label.rank = 2;
  vmspec::Flow up;
  up.name = "up";
  up.from = "low";
  up.to = "high";
  applied->spec.flows["up"] = up;
  applied->levels = {{"low", 1}, {"high", 2}};
  applied->flows = {{"up", 5}};
  return applied;
}

TEST_F(BooksTest, InstancesAreThoseOfLevelsThatAreUp) {
  auto applied = TwoLevels();
  EXPECT_TRUE(DesiredInstances(*applied, {}).empty());
  auto low = DesiredInstances(*applied, {"low"});
  ASSERT_EQ(low.size(), 3U)
      << "its agentd, and both halves: the spool may have something for later";
  EXPECT_EQ(low[0].kind, Kind::kAgentd);
  EXPECT_EQ(low[1].kind, Kind::kDiodeSend);
  EXPECT_EQ(low[1].level, "low");
  EXPECT_EQ(low[1].level_index, 1U);
  EXPECT_EQ(low[1].index, 5U);
  EXPECT_EQ(low[2].kind, Kind::kDiodeReceive);
  EXPECT_EQ(low[2].level, "high");
  EXPECT_EQ(low[2].level_index, 2U);
  EXPECT_EQ(DesiredInstances(*applied, {"low", "high"}).size(), 4U);
  EXPECT_TRUE(DesiredInstances(*applied, {"gone"}).empty());
}

class FakeSuper : public InstanceControl {
 public:
  Status SetInstances(const std::vector<ServiceInstance>& instances) override {
    if (!works) return Fail(ErrorCode::kUnavailable, "superd is away");
    now = instances;
    return {};
  }
  Result<std::vector<ServiceStatus>> GetStatus() override { return std::vector<ServiceStatus>{}; }
  bool works = true;
  std::vector<ServiceInstance> now;
};

TEST_F(BooksTest, AnActivationThatFailedIsNotRemembered) {
  FakeSuper super;
  InstanceKeeper keeper(&super);
  AppliedSpecPtr applied = TwoLevels();
  super.works = false;
  EXPECT_FALSE(keeper.Activate(applied, "low"));
  super.works = true;
  ASSERT_TRUE(keeper.Activate(applied, "high"));
  EXPECT_EQ(super.now.size(), 3U) << "high and the flow, no agentd of low";
  ASSERT_TRUE(keeper.Deactivate(applied, "high"));
  EXPECT_TRUE(super.now.empty());
}

TEST_F(BooksTest, ASpeakerIsKnownByItsUidAlone) {
  auto book = IndexBook::Open(folder + "/indexes", "b001-a");
  ASSERT_TRUE(book);
  auto levels = (*book)->Assign(IndexKind::kLevel, {"low"});
  auto flows = (*book)->Assign(IndexKind::kFlow, {"up"});
  ASSERT_TRUE(levels && flows);
  std::uint32_t low = levels->at("low");
  std::uint32_t up = flows->at("up");
  EXPECT_EQ(RoleOf(AgentdUid(low), **book), (Role{Role::Kind::kAgentd, "low"}));
  EXPECT_EQ(RoleOf(DiodeSendUid(up), **book), (Role{Role::Kind::kDiodeSend, "up"}));
  EXPECT_EQ(RoleOf(DiodeReceiveUid(up), **book), (Role{Role::Kind::kDiodeReceive, "up"}));
  for (uid_t stranger : {uid_t{0}, uid_t{1000}, LevelUid(low), kUidHostd, AgentdUid(0),
                         AgentdUid(low + 7), AgentdUid(kMaxLevelIndex) + 1}) {
    EXPECT_FALSE(RoleOf(stranger, **book)) << stranger;
  }
}

TEST(SpecDesk, CannotTakeALevelAwayThatIsUp) {
  vmspec::SpecSet now = TwoLevels()->spec;
  vmspec::SpecSet next = now;
  next.levels.erase("low");
  EXPECT_TRUE(CheckAgainstLive(now, next, {"high"}));
  Status refused = CheckAgainstLive(now, next, {"low", "high"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kBusy);
  EXPECT_NE(refused.error().message.find("bulkhead stop low"), std::string::npos);
}

TEST(SpecDesk, NamesAllLevelsThatMustStopAtOnce) {
  vmspec::SpecSet now = TwoLevels()->spec;
  vmspec::SpecSet next = now;
  next.levels.clear();
  Status refused = CheckAgainstLive(now, next, {"low", "high"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message,
            "levels high low are up and the new spec set does not have them: stop them first "
            "(bulkhead stop high low)");
}

TEST(SpecDesk, CannotRelabelALevelThatIsUp) {
  vmspec::SpecSet now = TwoLevels()->spec;
  vmspec::SpecSet next = now;
  next.levels["high"].label.rank = 0;
  EXPECT_TRUE(CheckAgainstLive(now, next, {"low"}));
  EXPECT_FALSE(CheckAgainstLive(now, next, {"high"}));
  next = now;
  next.levels["high"].memory_mib = 1024;
  EXPECT_TRUE(CheckAgainstLive(now, next, {"high"})) << "takes effect at its next start";
}

}  // namespace
}  // namespace bulkhead::hostd
