// SPDX-License-Identifier: GPL-2.0-or-later
/// What each level of two sets is lowered to, byte for byte. BULKHEAD_GOLDEN names the folder;
/// BULKHEAD_UPDATE_GOLDEN=1 writes the files anew: review the difference before committing it.
#include "hostd/lower/lower.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <set>

#include "hostd/super/instance_rules.h"
#include "netpolicy/ruleset_compiler.h"
#include "tests/unit/hostd/lower/rich_set.h"
#include "tests/unit/hostd/xml_shape.h"
#include "vmspec/base/file.h"
#include "vmspec/base/identity.h"
#include "vmspec/spec.h"

namespace bulkhead::hostd {
namespace {

constexpr std::int64_t kNow = 1'750'000'000;

AppliedSpec Example() {
  auto files = vmspec::ReadSpecFolder(BULKHEAD_SOURCE_ROOT "/vmspec/examples/two-levels");
  EXPECT_TRUE(files);
  vmspec::CheckedSpec checked = vmspec::CheckSpec(*files);
  EXPECT_TRUE(checked.ok()) << vmspec::FormatDiagnostics(*files, checked, false);
  return *NumberAnew(checked.spec);
}

Result<Lowered> LowerIt(const AppliedSpec& applied, const std::string& level) {
  const vmspec::Level* of = applied.FindLevel(level);
  StartFacts facts = of == nullptr ? StartFacts{} : FactsOfNoStart({}, applied.spec, *of);
  return Lower({}, applied, level, facts, kNow);
}

void ExpectGolden(const std::string& name, const std::string& now) {
  std::string path = std::string(std::getenv("BULKHEAD_GOLDEN")) + "/" + name;
  if (std::getenv("BULKHEAD_UPDATE_GOLDEN") != nullptr) {
    std::filesystem::create_directories(path.substr(0, path.rfind('/')));
    ASSERT_TRUE(WriteFileAtomically(path, now, 0644));
  }
  auto golden = ReadFile(path, 1 << 20);
  ASSERT_TRUE(golden) << path << ": BULKHEAD_UPDATE_GOLDEN=1 makes it";
  EXPECT_EQ(*golden, now) << path;
}

void ExpectAllGolden(const std::string& set, const AppliedSpec& applied) {
  for (const auto& [level, unused] : applied.spec.levels) {
    auto lowered = LowerIt(applied, level);
    ASSERT_TRUE(lowered) << lowered.error().message;
    std::string stem = set + "/" + level + ".";
    ExpectGolden(stem + "xml", lowered->domain);
    ExpectGolden(stem + "nft", lowered->ruleset);
    ExpectGolden(stem + "flows", RoutesText(lowered->routes));
    ExpectGolden(stem + "devices", DeviceRulesText(lowered->device_rules));
    ExpectGolden(stem + "grants", GrantsText(lowered->grants));
    EXPECT_EQ("", SchemaFault(lowered->domain)) << level;
  }
}

TEST(Lower, GivesTheExampleItsGoldenForm) { ExpectAllGolden("two-levels", Example()); }

TEST(Lower, GivesASetWithEverythingItsGoldenForm) {
  ExpectAllGolden("rich", *NumberAnew(RichSet()));
}

TEST(Lower, IsTheSameEachTime) {
  AppliedSpec applied = *NumberAnew(RichSet());
  EXPECT_EQ(LoweredText(*LowerIt(applied, "low")), LoweredText(*LowerIt(applied, "low")));
}

TEST(Lower, KnowsNoOtherLevel) {
  auto none = LowerIt(*NumberAnew(RichSet()), "none");
  ASSERT_FALSE(none);
  EXPECT_EQ(ErrorCode::kNotFound, none.error().code);
}

TEST(Lower, CannotLowerALevelWhoseNetworkWouldBeRefused) {
  vmspec::SpecSet spec = RichSet();
  spec.uplinks["office"].interface = "lo";
  auto refused = LowerIt(*NumberAnew(spec), "low");
  ASSERT_FALSE(refused);
  EXPECT_EQ(ErrorCode::kInvalid, refused.error().code);
}

TEST(NumberAnew, CountsInTheOrderOfTheNames) {
  AppliedSpec applied = *NumberAnew(RichSet());
  EXPECT_EQ(1U, applied.levels.at("high"));
  EXPECT_EQ(2U, applied.levels.at("low"));
  EXPECT_EQ(1U, applied.flows.at("open"));
  EXPECT_EQ(4U, applied.flows.at("up"));
}

TEST(NumberAnew, CannotNumberMoreLevelsThanThereAreNumbers) {
  vmspec::SpecSet spec;
  for (std::uint32_t i = 0; i < kMaxLevelIndex; ++i) spec.levels["l" + std::to_string(i)];
  EXPECT_TRUE(NumberAnew(spec));
  spec.levels["one-more"];
  EXPECT_EQ(ErrorCode::kLimit, NumberAnew(spec).error().code);
}

TEST(Routes, AreThoseThatSuperdAccepts) {
  AppliedSpec applied = *NumberAnew(RichSet());
  std::vector<ServiceInstance> all = DesiredInstances(applied, {"low", "high"});
  EXPECT_TRUE(super::CheckInstances(all)) << super::CheckInstances(all).error().message;
  std::set<std::string> units;
  for (const ServiceInstance& instance : all) units.insert(super::UnitName(instance));
  for (const char* level : {"low", "high"}) {
    for (const DiodeRoute& route : RoutesOf({}, applied, level)) {
      EXPECT_TRUE(units.contains(route.send.unit)) << route.send.unit;
      EXPECT_TRUE(units.contains(route.receive.unit)) << route.receive.unit;
      EXPECT_NE(route.send.uid, route.receive.uid);
    }
  }
}

TEST(Routes, LeadToTheChannelsOfTheDomains) {
  AppliedSpec applied = *NumberAnew(RichSet());
  for (const auto& [name, level] : applied.spec.levels) {
    DomainSpec domain = LowerDomain({}, applied, level, {});
    auto has = [&](const DiodeHalf& half) {
      return half.level != name || std::ranges::any_of(domain.channels, [&](const Channel& c) {
               return c.port == half.port && c.socket_path == half.socket;
             });
    };
    for (const DiodeRoute& route : RoutesOf({}, applied, name)) {
      EXPECT_TRUE(has(route.send) && has(route.receive)) << name << " " << route.flow.name;
    }
  }
}

const Grant* Find(const std::vector<Grant>& grants, vmspec::DeviceClass c,
                  const std::string& device) {
  auto found = std::ranges::find_if(
      grants, [&](const Grant& g) { return g.device_class == c && g.device == device; });
  return found == grants.end() ? nullptr : &*found;
}

TEST(Grants, OfAClassAreTakenByAnyDenyAndByADenyOfTheDevice) {
  vmspec::SpecSet spec = RichSet();
  auto grants = GrantsOf(spec, "low");
  const Grant* storage = Find(grants, vmspec::DeviceClass::kStorage, "");
  ASSERT_NE(nullptr, storage);
  EXPECT_TRUE(storage->ByRule());
  const Grant* archive = Find(grants, vmspec::DeviceClass::kStorage, "archive");
  ASSERT_NE(nullptr, archive);
  EXPECT_FALSE(archive->ByRule());
  EXPECT_EQ(4U, archive->denied_by->line);
  EXPECT_EQ(nullptr, Find(grants, vmspec::DeviceClass::kCamera, ""));
  EXPECT_EQ(nullptr, Find(grants, vmspec::DeviceClass::kScanner, "office-printer"));
}

TEST(Grants, CannotOutliveADenyWhateverTheOrderOfTheRules) {
  vmspec::SpecSet spec = RichSet();
  spec.device_rules.insert(spec.device_rules.begin(), rich::Rule(false, "*", "*", 1));
  spec.device_rules.push_back(rich::Rule(true, "*", "*", 99));
  for (const Grant& grant : GrantsOf(spec, "low")) {
    EXPECT_TRUE(grant.denied_by) << grant.device;
    EXPECT_FALSE(grant.ByRule());
  }
}

TEST(Grants, AreNarrowedByAnAllowThatSpeaksOfTheLevel) {
  vmspec::SpecSet spec = RichSet();
  spec.device_rules = {rich::Rule(false, "low", "storage", 7)};
  spec.device_rules[0].serial = "OTHER";
  const auto grants = GrantsOf(spec, "low");
  EXPECT_EQ(7U, Find(grants, vmspec::DeviceClass::kStorage, "archive")->denied_by->line);
  spec.device_rules[0].serial = spec.devices["archive"].serial;
  const auto more = GrantsOf(spec, "low");
  EXPECT_FALSE(Find(more, vmspec::DeviceClass::kStorage, "archive")->denied_by);
}

TEST(DeviceRules, AreThoseOfTheLevelDenialsFirst) {
  auto rules = DeviceRulesOf(RichSet(), "high");
  ASSERT_EQ(2U, rules.size());
  EXPECT_TRUE(rules[0].deny);
  EXPECT_EQ(9U, rules[1].origin.line);
}

}  // namespace
}  // namespace bulkhead::hostd
