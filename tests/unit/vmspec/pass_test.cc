// SPDX-License-Identifier: GPL-2.0-or-later
/// All faults in one pass, and none that is only the echo of another.
#include <gtest/gtest.h>

#include "tests/unit/vmspec/spec_sets.h"

namespace bulkhead::vmspec {
namespace {

TEST(OnePass, TheSoundSetIsSound) { EXPECT_EQ(Codes(SoundSet()), ""); }

TEST(OnePass, ReportsFaultsOfEveryFileInOrder) {
  SpecFiles files = SoundSet();
  files["flows.toml"] += "x = 1\ny = 2\n";
  files["host.toml"] = "schema = 1\n[guest]\nhello-timeout = 1\n";
  files["levels/high.toml"] += "colour = 3\n";
  files["networks.toml"] += "[uplink.b]\n";
  EXPECT_EQ(Codes(files),
            "B0102 flows.toml:6:1; B0102 flows.toml:7:1; B0104 host.toml:3:17; "
            "B0103 levels/high.toml:4:10; B0101 networks.toml:6:1; B0101 networks.toml:6:1; "
            "B0101 networks.toml:6:1");
}

TEST(OnePass, AFileThatIsNotTomlHidesNoFaultOfAnother) {
  SpecFiles files = SoundSet();
  files["networks.toml"] = "[uplink.office\n";
  files["host.toml"] = "nonsense = 1\nschema = 1\n";
  std::string codes = Codes(files);
  EXPECT_EQ(codes, "B0102 host.toml:1:1; B0001 networks.toml:1:15");
}

TEST(OnePass, ALevelWhoseFileIsAtFaultIsNotUnknownAsWell) {
  SpecFiles files = SoundSet();
  files["levels/high.toml"] = "schema = ";
  EXPECT_EQ(Codes(files), "B0001 levels/high.toml:1:10");
  files["levels/high.toml"] = "schema = 7\n";
  EXPECT_EQ(Codes(files), "B0112 levels/high.toml:1:10");
}

TEST(OnePass, ALevelWithoutALabelIsNotJudgedByOne) {
  EXPECT_EQ(Codes(Changed("levels/high.toml", "rank = 2", "rnak = 2")),
            "B0101 levels/high.toml:2:9; B0102 levels/high.toml:2:11");
  EXPECT_EQ(Codes(Changed("levels/low.toml", "label = { rank = 0 }\n", "")),
            "B0101 levels/low.toml:1:1");
}

TEST(OnePass, AnUplinkAtFaultIsNotUnknownAsWell) {
  EXPECT_EQ(Codes(Changed("networks.toml", "label = { rank = 0 }\n", "")),
            "B0101 networks.toml:2:1");
}

TEST(OnePass, MissingFilesAreDefaults) {
  SpecFiles files = {{"levels/a.toml", "schema = 1\nlabel = { rank = 0 }\nimage = \"minimal\"\n"}};
  CheckedSpec checked = CheckSpec(files);
  ASSERT_TRUE(checked.ok());
  EXPECT_EQ(checked.spec.host.pool4.ToString(), "10.77.0.0/16");
  EXPECT_EQ(checked.spec.host.pool6.ToString(), "fd77::/64");
  EXPECT_FALSE(checked.spec.host.allow_tcg);
  EXPECT_EQ(checked.spec.levels.at("a").title, "a");
  EXPECT_EQ(checked.spec.levels.at("a").Device(DeviceClass::kStorage).mode, GrantMode::kNone);
  EXPECT_TRUE(checked.spec.levels.at("a").network.uplink.empty());
}

TEST(OnePass, ASetWithoutLevelsIsAWarning) {
  CheckedSpec checked = CheckSpec({});
  EXPECT_TRUE(checked.ok());
  EXPECT_EQ(FormatDiagnostics({}, checked, false),
            "warning[B0006]: the spec set has no level\n"
            "   = help: a level is a file levels/NAME.toml\n\n"
            "0 errors, 1 warning in 0 files (0 levels, 0 flows).\n");
}

TEST(OnePass, APoolTooSmallForTheLevelsIsAFault) {
  SpecFiles files = SoundSet();
  files["host.toml"] = "schema = 1\n[addresses]\nipv4 = \"10.9.0.0/28\"\n";
  EXPECT_EQ(Codes(files), "");
  files["host.toml"] = "schema = 1\n[addresses]\nipv4 = \"10.9.0.0/29\"\n";
  EXPECT_EQ(Codes(files), "B0206 host.toml:2:1");
  files["levels/low.toml"].erase(files["levels/low.toml"].find("[network]"));
  EXPECT_EQ(Codes(files), "");
}

TEST(Ports, AreSortedAndMerged) {
  SpecFiles files = Changed("levels/low.toml", "443", "[443, \"80-90\", 85, \"91-100\", 65535, 1]");
  EXPECT_EQ(CheckSpec(files).spec.levels.at("low").network.allow.at(0).ports,
            (std::vector<PortRange>{{1, 1}, {80, 100}, {443, 443}, {65535, 65535}}));
}

/// {"1", "3", "5"...}: no two touch.
std::string LonePorts(int n) {
  std::string out = "[";
  for (int i = 0; i < n; ++i) out += std::to_string(2 * i + 1) + ", ";
  return out + "]";
}

TEST(Rules, CannotBeMoreThanTheKernelIsGiven) {
  EXPECT_EQ(Codes(Changed("levels/low.toml", "443", LonePorts(64))), "");
  EXPECT_EQ(Codes(Changed("levels/low.toml", "443", LonePorts(65))), "B0117 levels/low.toml:7:36");
  std::string rules;
  for (int i = 0; i < 65; ++i) rules += "{ to = \"::/0\", udp = " + LonePorts(64) + " },\n";
  EXPECT_EQ(Codes(Changed("levels/low.toml", "{ to", rules + "{ to")), "B0117 levels/low.toml:7:9");
  rules.clear();
  for (int i = 0; i < 1024; ++i) rules += "{ to = \"::/0\" },\n";
  EXPECT_EQ(Codes(Changed("levels/low.toml", "{ to", rules + "{ to")), "B0117 levels/low.toml:7:9");
}

TEST(Rules, EachFormMeansItsProtocol) {
  SpecFiles files = Changed("levels/low.toml", "{ to = \"192.0.2.1\", tcp = 443 }",
                            R"({ to = "10.0.0.0/8" }, { to = "10.0.0.1", udp = "1-9" },
  { to = "fd00::1", protocol = "tcp" }, { to = "fd00::1", protocol = "any", comment = "c" })");
  CheckedSpec checked = CheckSpec(files);
  ASSERT_TRUE(checked.ok()) << Explain(files);
  const auto& rules = checked.spec.levels.at("low").network.allow;
  ASSERT_EQ(rules.size(), 4U);
  EXPECT_EQ(rules[0].protocol, Protocol::kAny);
  EXPECT_EQ(rules[1].protocol, Protocol::kUdp);
  EXPECT_EQ(rules[1].ports, (std::vector<PortRange>{{1, 9}}));
  EXPECT_EQ(rules[2].protocol, Protocol::kTcp);
  EXPECT_TRUE(rules[2].ports.empty());
  EXPECT_EQ(rules[3].comment, "c");
  EXPECT_EQ(rules[3].origin.ToString(), "levels/low.toml:8");
}

}  // namespace
}  // namespace bulkhead::vmspec
