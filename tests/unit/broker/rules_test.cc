// SPDX-License-Identifier: GPL-2.0-or-later
#include "device-broker/rules.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/broker/sample_policy.h"

namespace bulkhead::broker {
namespace {

class Rules : public ::testing::Test {
 protected:
  Verdict Ask(const std::string& level, bool write = false) {
    return Judge(AllRules(), {policy_, medium_, level, write});
  }
  vmspec::DeviceRule& Add(bool deny, const std::string& level) {
    policy_.rules.push_back(DeviceRuleOf(deny, level, 20 + static_cast<int>(policy_.rules.size())));
    return policy_.rules.back();
  }
  void ExpectRefused(const Verdict& verdict, const std::string& word) {
    EXPECT_FALSE(verdict.allowed);
    EXPECT_NE(std::string::npos, verdict.reason.find(word)) << verdict.reason;
  }

  Policy policy_ = PolicyOf(SampleSpec());
  Medium medium_ = SampleMedium();
};

TEST_F(Rules, I2GivesAMediumToALevelWhoseModeIsManual) { EXPECT_TRUE(Ask("high").allowed); }

TEST_F(Rules, I2GivesNothingToALevelTheSpecDoesNotHave) {
  ExpectRefused(Ask("other"), "no level \"other\"");
  ExpectRefused(Ask(""), "no level");
  ExpectRefused(Ask("*"), "no level");
}

TEST_F(Rules, I2GivesADeviceOfUnknownClassToNobody) {
  medium_.device_class = "camera";
  ExpectRefused(Ask("high"), "class");
  Add(false, "*").device_class = "*";
  ExpectRefused(Ask("high"), "class");
}

TEST_F(Rules, NamesTheLevelFileWhenTheModeIsNone) {
  ExpectRefused(Ask("none"), "levels/none.toml");
  policy_.levels["none"].origin = {"levels/none.toml", 8, 1, 1};
  ExpectRefused(Ask("none"), "levels/none.toml:8");
}

TEST_F(Rules, I2KeepsModeNoneAgainstAnAllowRule) {
  Add(false, "none");
  ExpectRefused(Ask("none"), "levels/none.toml");
}

TEST_F(Rules, GivesWritingOnlyWhereTheLevelsFileSaysSo) {
  EXPECT_TRUE(Ask("mid", true).allowed);
  ExpectRefused(Ask("high", true), "levels/high.toml:12");
}

TEST_F(Rules, NamesTheRuleThatDenies) {
  ExpectRefused(Ask("low"), "devices.toml:4 denies loop0 to low (nothing for low)");
}

TEST_F(Rules, DenyBeatsAnAllowBeforeAndAfterIt) {
  auto deny = DeviceRuleOf(true, "high", 30);
  auto allow = DeviceRuleOf(false, "high", 31);
  for (const auto& rules : {std::vector{deny, allow}, std::vector{allow, deny}}) {
    policy_.rules = rules;
    ExpectRefused(Ask("high"), "devices.toml:30");
  }
}

TEST_F(Rules, DeniesForEveryLevelAndEveryClass) {
  Add(true, "*").device_class = "*";
  ExpectRefused(Ask("high"), "devices.toml:21");
}

TEST_F(Rules, DeniesBySerialExactly) {
  Add(true, "high").serial = "S-1";
  ExpectRefused(Ask("high"), "devices.toml:21");
  medium_.serial = "S-10";
  EXPECT_TRUE(Ask("high").allowed);
}

TEST_F(Rules, AnAllowForALevelNarrowsItToWhatAllowsMatch) {
  Add(false, "high").serial = "S-2";
  ExpectRefused(Ask("high"), "devices.toml:21 names what level high may get");
  EXPECT_TRUE(Ask("mid").allowed);
  Add(false, "high").path = "/dev/loop*";
  EXPECT_TRUE(Ask("high").allowed);
}

TEST_F(Rules, AnAllowGivesNoWriting) {
  Add(false, "high");
  ExpectRefused(Ask("high", true), "reading only");
}

/// One rule alone never lets a device out that another forbids, wherever it stands in the list.
TEST_F(Rules, CannotBePlayedAgainstEachOtherByTheirOrder) {
  std::vector<int> order = {0, 1, 2, 3, 4, 5, 6};
  auto make = [](int kind) -> std::unique_ptr<Rule> {
    switch (kind) {
      case 0:
        return std::make_unique<LevelIsInTheSpec>();
      case 1:
        return std::make_unique<ClassIsKnown>();
      case 2:
        return std::make_unique<ModeNoneGetsNothing>();
      case 3:
        return std::make_unique<WriteNeedsTheSpec>();
      case 4:
        return std::make_unique<DenyRuleHolds>();
      case 5:
        return std::make_unique<AllowRulesNarrow>();
      default:
        return std::make_unique<ModeAllowsLending>();
    }
  };
  ASSERT_EQ(order.size(), AllRules().size());
  int orders = 0;
  do {
    RuleList rules;
    for (int kind : order) rules.push_back(make(kind));
    for (const char* level : {"none", "low", "mid", "high", "other"}) {
      for (bool write : {false, true}) {
        Question question{policy_, medium_, level, write};
        ASSERT_EQ(Judge(AllRules(), question).allowed, Judge(rules, question).allowed);
      }
    }
    ++orders;
  } while (std::ranges::next_permutation(order).found);
  EXPECT_EQ(5040, orders);
}

TEST_F(Rules, CannotBeEmptyAndAllow) {
  EXPECT_FALSE(Judge(RuleList(), {policy_, medium_, "high", false}).allowed);
}

TEST_F(Rules, CannotBeEvadedThroughAPartitionOrALink) {
  for (const char* path :
       {"/dev/loop0p1", "/dev/disk/by-label/*", "/dev/loop?", "/dev/loop[0-9]"}) {
    policy_.rules = {DeviceRuleOf(true, "high", 40)};
    policy_.rules[0].path = path;
    ExpectRefused(Ask("high"), "devices.toml:40");
  }
}

TEST_F(Rules, CannotBeAllowedByTheLabelThatTheMediumGaveItself) {
  Add(false, "high").path = "/dev/disk/by-label/FIELD";
  ExpectRefused(Ask("high"), "no allow matches loop0");
}

TEST_F(Rules, CannotBeTrickedByGlobs) {
  struct {
    const char* glob;
    const char* path;
    bool matches;
  } cases[] = {
      {"/dev/loop*", "/dev/loop0", true},
      {"/dev/loop*", "/dev/loop", true},
      {"/dev/*", "/dev/disk/by-id/x", false},
      {"/dev/*/*/x", "/dev/disk/by-id/x", true},
      {"/dev/loop0", "/dev/loop0p1", false},
      {"/dev/loop0", "/dev/loop00", false},
      {"/dev/loop[!0]", "/dev/loop0", false},
      {"/dev/loop[!0]", "/dev/loop1", true},
      {"/dev/loop[0", "/dev/loop0", false},
      {"/dev/loop[0", "/dev/loop[0", true},
      {"/dev/loop\\*", "/dev/loop0", false},
      {"/dev/loop0/../loop1", "/dev/loop1", false},
      {"/dev/LOOP0", "/dev/loop0", false},
      {"/dev/**", "/dev/loop0", true},
      {"", "/dev/loop0", false},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(c.matches, vmspec::GlobMatches(c.glob, c.path, false)) << c.glob << " " << c.path;
  }
}

TEST(Policy, ComesBackAsItWasSent) {
  Policy policy = PolicyOf(SampleSpec());
  policy.rules[0].path = "/dev/sd*";
  policy.rules[0].serial = "4C53";
  Bytes bytes = EncodePolicy(policy);
  auto back = DecodePolicy(bytes);
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(bytes, EncodePolicy(*back));
  EXPECT_EQ(4u, back->levels.size());
  EXPECT_EQ("/dev/sd*", back->rules.at(0).path);
  EXPECT_EQ("devices.toml:4", back->rules.at(0).origin.ToString());
}

TEST(Policy, HasRoomForTheLargestSpec) {
  vmspec::SpecSet spec;
  for (std::uint32_t i = 0; i < kMaxPolicyLevels; ++i) {
    std::string name = "l" + std::to_string(100000 + i) + std::string(24, 'x');
    spec.levels[name].Device(vmspec::DeviceClass::kStorage).origin.file =
        "levels/" + name + ".toml";
  }
  auto rule = DeviceRuleOf(true, spec.levels.begin()->first, 1);
  rule.path = "/dev/" + std::string(251, 'p');
  rule.serial = std::string(128, 's');
  rule.comment = std::string(256, 'c');
  spec.device_rules.assign(kMaxDeviceRules, rule);
  Bytes bytes = EncodePolicy(PolicyOf(spec));
  EXPECT_LT(bytes.size(), kMaxPolicyBytes);
  EXPECT_TRUE(DecodePolicy(bytes));
}

TEST(Policy, CannotBeHalfAPolicy) {
  Bytes whole = EncodePolicy(PolicyOf(SampleSpec()));
  for (std::size_t n = 0; n < whole.size(); ++n) {
    EXPECT_FALSE(DecodePolicy(ByteView(whole).first(n))) << n;
  }
  whole.push_back(0);
  EXPECT_FALSE(DecodePolicy(whole));
}

TEST(Policy, CannotSayWhatNoSpecSays) {
  auto refused = [](auto change) {
    Policy policy = PolicyOf(SampleSpec());
    change(policy);
    return !DecodePolicy(EncodePolicy(policy));
  };
  EXPECT_TRUE(refused([](Policy& p) { p.rules[0].level = "absent"; }));
  EXPECT_TRUE(refused([](Policy& p) { p.rules[0].device_class = "camera"; }));
  EXPECT_TRUE(refused([](Policy& p) { p.rules[0].path = "loop0"; }));
  EXPECT_TRUE(refused([](Policy& p) { p.rules[0].serial = "a\nb"; }));
  EXPECT_TRUE(refused([](Policy& p) { p.rules[0].origin.file = "\x1b[2J"; }));
  EXPECT_TRUE(refused([](Policy& p) { p.levels["../x"] = {}; }));
  EXPECT_TRUE(refused([](Policy& p) { p.levels["*"] = {}; }));
  EXPECT_TRUE(
      refused([](Policy& p) { p.levels["high"].mode = static_cast<vmspec::GrantMode>(5); }));
  EXPECT_FALSE(refused([](Policy&) {}));
}

}  // namespace
}  // namespace bulkhead::broker
