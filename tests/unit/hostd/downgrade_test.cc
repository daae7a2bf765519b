// SPDX-License-Identifier: GPL-2.0-or-later
/// A downgrade takes two people (I6).
#include "hostd/spec/downgrade.h"

#include <gmock/gmock.h>

#include "tests/unit/hostd/spec_desk_fixture.h"

namespace bulkhead::hostd {
namespace {

using ::testing::HasSubstr;

using Change = std::function<void(vmspec::SpecSet&)>;

/// The set's text is one title; its value a downgrade from high to low. "change" in the title
/// stands for a change of the value.
class DowngradeTest : public SpecDeskFixture {
 protected:
  DowngradeTest() {
    BeginHostd([this](const vmspec::SpecFiles& files) {
      vmspec::CheckedSpec checked;
      checked.spec = Base();
      if (files.at("levels/low.toml").find("none") != std::string::npos) checked.spec.flows.clear();
      if (files.at("levels/low.toml").find("change") != std::string::npos) change_(checked.spec);
      return checked;
    });
    people_ = {{1000, {"admin"}}, {1001, {"security"}}, {1002, {"admin", "security"}}};
    As(1000);
  }
  static vmspec::SpecSet Base() {
    vmspec::SpecSet spec;
    spec.levels["low"].name = "low";
    spec.levels["high"].name = "high";
    spec.levels["high"].label.rank = 2;
    spec.levels["high"].label.compartments.insert("hq");
    spec.flows["down"] = {.name = "down",
                          .from = "high",
                          .to = "low",
                          .kind = vmspec::FlowKind::kDowngrade,
                          .reason = "press releases",
                          .approved_by = {"admin", "security"},
                          .origin = {"flows.toml", 12, 1}};
    return spec;
  }
  void As(uid_t uid) { caller_ = {uid, "uid:" + std::to_string(uid), people_[uid]}; }
  Result<std::vector<Approval>> Approve(uid_t uid, const std::string& title = "plain") {
    return desk_->Approve({uid, "uid:" + std::to_string(uid), people_[uid]}, Files(title));
  }
  Result<SpecOutcome> ApplyAs(uid_t uid, const std::string& title = "plain") {
    As(uid);
    return Apply(Files(title));
  }
  Change change_ = [](vmspec::SpecSet&) {};
};

TEST_F(DowngradeTest, TheApplierAndOneOtherWithTheOtherRoleBringItIntoForce) {
  auto alone = ApplyAs(1000);
  ASSERT_FALSE(alone);
  EXPECT_EQ(alone.error().code, ErrorCode::kRefused);
  EXPECT_THAT(alone.error().message, HasSubstr("flows.toml:12"));
  EXPECT_THAT(alone.error().message, HasSubstr("only uid:1000"));
  ASSERT_TRUE(Approve(1001));
  auto both = ApplyAs(1000);
  ASSERT_TRUE(both) << both.error().message;
  EXPECT_THAT(Audit(), HasSubstr("\"as admin\":\"uid:1000\",\"as security\":\"uid:1001\""));
  EXPECT_THAT(Audit(), HasSubstr("\"action\":\"downgrade.approve\""));
  EXPECT_EQ(desk_->Approvals()->at(0).actor, "uid:1001");
}

TEST_F(DowngradeTest, CannotBeDoneByOnePersonWithBothRoles) {
  ASSERT_TRUE(Approve(1002));
  EXPECT_FALSE(ApplyAs(1002));
  ASSERT_TRUE(Approve(1002));
  EXPECT_FALSE(ApplyAs(1002));
  EXPECT_TRUE(ApplyAs(1000)) << "with another admin the same approval counts";
}

TEST_F(DowngradeTest, CannotBeDoneByTwoPeopleOfOneRole) {
  people_[1003] = {"admin"};
  ASSERT_TRUE(Approve(1003));
  EXPECT_FALSE(ApplyAs(1000));
}

TEST_F(DowngradeTest, CannotApproveWithoutARoleOfTheFlow) {
  people_[1004] = {"user", "audit"};
  auto refused = Approve(1004);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kRefused);
  EXPECT_THAT(Audit(), HasSubstr("\"outcome\":\"refused\""));
  EXPECT_TRUE(desk_->Approvals()->empty());
  EXPECT_EQ(Approve(1001, "none").error().code, ErrorCode::kNotFound);
}

TEST_F(DowngradeTest, CannotUseAnApprovalForAnythingElse) {
  ASSERT_TRUE(Approve(1001));
  const Change changes[] = {
      [](auto& s) { s.flows["down"].reason = "everything"; },
      [](auto& s) { s.flows["down"].max_file_bytes *= 2; },
      [](auto& s) { s.flows["down"].quota_bytes *= 2; },
      [](auto& s) { s.flows["down"].max_files *= 2; },
      [](auto& s) { s.flows["down"].files_per_hour = 1; },
      [](auto& s) { s.flows["down"].types = {"image/png"}; },
      [](auto& s) { s.flows["down"].confirm = true; },
      [](auto& s) { s.flows["down"].scanner = vmspec::Scanner::kClamav; },
      [](auto& s) { s.flows["down"].re_render = true; },
      [](auto& s) { s.flows["down"].approved_by = {"security", "admin"}; },
      [](auto& s) { s.levels["high"].label.rank = 3; },
      [](auto& s) { s.levels["high"].label.compartments = {"crypto"}; },
      [](auto& s) { s.levels["low"].label.rank = 1; },
      [](auto& s) { std::swap(s.flows["down"].from, s.flows["down"].to); },
      [](auto& s) {
        s.flows["other"] = s.flows["down"];
        s.flows["other"].name = "other";
      },
  };
  int n = 0;
  for (const Change& change : changes) {
    change_ = change;
    EXPECT_FALSE(ApplyAs(1000, "change")) << "change " << n;
    ++n;
  }
  // Where it is written, and what it is not about, is not part of it.
  change_ = [](auto& s) {
    s.flows["down"].origin.line = 99;
    s.levels["low"].memory_mib = s.levels["low"].memory_max_mib = 1024;
  };
  EXPECT_TRUE(ApplyAs(1000, "change"));
}

TEST_F(DowngradeTest, CannotCountTheApprovalOfOneWhoLostTheRole) {
  ASSERT_TRUE(Approve(1001));
  people_[1001] = {"user"};
  EXPECT_FALSE(ApplyAs(1000));
  people_[1001] = {"security"};
  EXPECT_TRUE(ApplyAs(1000));
}

TEST_F(DowngradeTest, WhatIsInForceStaysUnchangedWithoutNewApproval) {
  ASSERT_TRUE(Approve(1001));
  ASSERT_TRUE(ApplyAs(1000));
  people_[1001] = {};
  change_ = [](auto& s) { s.levels["low"].memory_mib = s.levels["low"].memory_max_mib = 1024; };
  EXPECT_TRUE(ApplyAs(1000, "change"));
  EXPECT_TRUE(ApplyAs(1000, "none"));
  EXPECT_FALSE(ApplyAs(1000)) << "once it is gone it needs two people again";
  EXPECT_FALSE(Rollback(1)) << "also by a rollback";
}

TEST_F(DowngradeTest, CannotNameOneRoleTwiceOrOnlyOne) {
  people_[1003] = {"admin"};
  for (const std::vector<std::string>& roles :
       {std::vector<std::string>{"admin", "admin"}, {"admin"}, {}, {"admin", "security", "x"}}) {
    change_ = [&](auto& s) { s.flows["down"].approved_by = roles; };
    (void)Approve(1003, "change");
    (void)Approve(1001, "change");
    EXPECT_FALSE(ApplyAs(1000, "change"));
  }
}

TEST_F(DowngradeTest, CannotApplyWithADamagedBook) {
  ASSERT_TRUE(Approve(1001));
  std::string book = dir_ / "hostd/approvals";
  std::string good = Slurp(book);
  std::string bad = good;
  bad[bad.size() / 2] ^= 1;
  Spill(book, bad);
  EXPECT_FALSE(ApplyAs(1000));
  EXPECT_EQ(Approve(1001).error().code, ErrorCode::kCorrupt);
  Spill(book, good);
  EXPECT_TRUE(ApplyAs(1000));
}

TEST(ApprovalBook, CannotPushOutTheApprovalsOfOthersByAFlood) {
  TempDir dir;
  ApprovalBook book(dir / "approvals");
  ASSERT_TRUE(book.Add({{.sha256 = "ann", .uid = 1, .actor = "uid:1"}}));
  std::vector<Approval> flood;
  for (int i = 0; i < 3000; ++i) {
    flood.push_back({.sha256 = std::to_string(i), .uid = 2, .actor = "uid:2"});
  }
  ASSERT_TRUE(book.Add(flood));
  EXPECT_EQ(book.All()->size(), ApprovalBook::kMostOfOne + 1);
  EXPECT_EQ(book.All()->front().sha256, "ann");
  EXPECT_EQ(book.All()->back().sha256, "2999");
}

}  // namespace
}  // namespace bulkhead::hostd
