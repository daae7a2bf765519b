// SPDX-License-Identifier: GPL-2.0-or-later
/// From files to a set in force, over real books on disk.
#include "hostd/spec/spec_desk.h"

#include <gmock/gmock.h>

#include "hostd/spec/carry_out.h"
#include "tests/unit/hostd/spec_desk_fixture.h"
#include "vmspec/codes.h"

namespace bulkhead::hostd {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST_F(SpecDeskFixture, AnAppliedSetIsANewVersionWithItsComment) {
  auto outcome = Apply(Files(), "first");
  ASSERT_TRUE(outcome) << outcome.error().message;
  ASSERT_TRUE(outcome->applied);
  EXPECT_EQ(outcome->applied->version.number, 1u);
  EXPECT_EQ(desk_->History()->at(0).version.note.comment, "first");
  EXPECT_EQ((*desk_->Load())->version.number, 1u);
  EXPECT_THAT(Audit(), HasSubstr("\"comment\":\"first\""));
}

TEST_F(SpecDeskFixture, ARollbackIsTheOldTextAgainAndIsRecordedAsOne) {
  ASSERT_TRUE(Apply(Files("Public")));
  ASSERT_TRUE(Apply(Files("Changed")));
  auto back = Rollback(1, "it was better");
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->applied->version.number, 3u);
  EXPECT_EQ(back->applied->version.note.rollback_of, 1u);
  EXPECT_EQ(back->applied->spec.levels.at("low").title, "Public");
  EXPECT_THAT(Audit(), HasSubstr("\"action\":\"spec.rollback\""));
  EXPECT_THAT(Audit(), HasSubstr("\"version\":\"1\""));
}

TEST_F(SpecDeskFixture, CannotRollBackToASetThatTodaysCheckerRefuses) {
  ASSERT_TRUE(Apply(Files("Public")));
  ASSERT_TRUE(Apply(Files("Changed")));
  // A newer program, stricter.
  BeginHostd([](const vmspec::SpecFiles& files) {
    auto checked = vmspec::CheckSpec(files);
    if (files.at("levels/low.toml").find("Public") != std::string::npos) {
      checked.diagnostics.push_back(
          {"B0999", "no longer", {"levels/low.toml", 1, 1}, "", "", false});
    }
    return checked;
  });
  auto back = Rollback(1);
  ASSERT_TRUE(back);
  EXPECT_FALSE(back->applied);
  EXPECT_EQ(back->diagnostics.at(0).code, "B0999");
  EXPECT_EQ((*desk_->Load())->spec.levels.at("low").title, "Changed");
  EXPECT_THAT(
      Audit(),
      HasSubstr("\"action\":\"spec.rollback\",\"subject\":\"spec\",\"outcome\":\"refused\""));
}

/// What it becomes is made at its start, not at hostd's: a level that could not start keeps no
/// other from it.
TEST_F(SpecDeskFixture, AStoredSetIsLoadedWithoutALookAtWhatItsLevelsBecome) {
  ASSERT_TRUE(Apply(Files()));
  BeginHostd([](const vmspec::SpecFiles& files) {
    auto checked = vmspec::CheckSpec(files);
    checked.spec.levels.at("low").cpu_weight = 0;  // as of a version that took it
    return checked;
  });
  auto loaded = desk_->Load();
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ((*loaded)->version.number, 1u);
  EXPECT_EQ(Apply(Files("Changed")).error().code, ErrorCode::kRefused);
}

TEST_F(SpecDeskFixture, CannotRollBackToWhatIsNotThereOrDamaged) {
  ASSERT_TRUE(Apply(Files("Public")));
  ASSERT_TRUE(Apply(Files("Changed")));
  EXPECT_EQ(Rollback(7).error().code, ErrorCode::kNotFound);
  Spill(dir_ / "hostd/history/1", "junk");
  EXPECT_EQ(Rollback(1).error().code, ErrorCode::kCorrupt);
  EXPECT_EQ((*desk_->Load())->version.number, 2u);
}

TEST_F(SpecDeskFixture, CannotPutIntoForceWhatThisVersionCannotCarryOut) {
  ASSERT_TRUE(Apply(Files("Public")));
  BeginHostd([](const vmspec::SpecFiles& files) {
    auto checked = vmspec::CheckSpec(files);
    checked.diagnostics.push_back({vmspec::codes::kNotYet,
                                   "\"snapshots\" is not carried out yet",
                                   {"levels/low.toml", 12, 1},
                                   "",
                                   "",
                                   true});
    return checked;
  });
  auto refused = Apply(Files("Changed"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kRefused);
  EXPECT_THAT(refused.error().message, HasSubstr("levels/low.toml:12"));
  EXPECT_EQ(store_->Load()->version.number, 1u);
  EXPECT_THAT(Audit(), HasSubstr("\"outcome\":\"refused\""));
  // What is stored is judged alike: closed.
  auto loaded = desk_->Load();
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, ErrorCode::kRefused);
  EXPECT_THAT(loaded.error().message, HasSubstr("nothing starts"));
}

TEST_F(SpecDeskFixture, CannotRunAnEncryptFlowInClear) {
  BeginHostd([](const vmspec::SpecFiles& files) {
    auto checked = vmspec::CheckSpec(files);
    vmspec::Flow flow;
    flow.name = "up";
    flow.kind = vmspec::FlowKind::kEncrypt;
    checked.spec.flows["up"] = flow;
    return checked;
  });
  auto refused = Apply(Files());
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("flow up encrypts or decrypts"));
}

TEST_F(SpecDeskFixture, CannotHideInAComment) {
  ASSERT_TRUE(Apply(Files(), "\x1b[2J\xe2\x80\xae\nuid:0 did it\xff"));
  std::string comment = desk_->History()->at(0).version.note.comment;
  EXPECT_TRUE(IsPrintable(comment) || comment.find('\\') != std::string::npos);
  EXPECT_THAT(comment, Not(HasSubstr("\x1b")));
  EXPECT_THAT(comment, Not(HasSubstr("\n")));
  EXPECT_THAT(Audit(), Not(HasSubstr("\x1b")));
  EXPECT_EQ(Apply(Files(), std::string(513, 'x')).error().code, ErrorCode::kInvalid);
  // 512 bytes that each take four to show.
  ASSERT_TRUE(Apply(Files(), std::string(512, '\x01')));
  EXPECT_LE(desk_->History()->at(0).version.note.comment.size(), kMostComment);
}

TEST_F(SpecDeskFixture, CannotApplyWhatCannotBeRecorded) {
  ASSERT_TRUE(Apply(Files("Public")));
  std::ofstream(dir_ / "audit.log", std::ios::app) << "planted\n";
  EXPECT_FALSE(Apply(Files("Changed")));
  EXPECT_EQ(store_->Load()->version.number, 1u);
}

}  // namespace
}  // namespace bulkhead::hostd
