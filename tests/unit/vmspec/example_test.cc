// SPDX-License-Identifier: GPL-2.0-or-later
#include <gtest/gtest.h>

#include "tests/unit/vmspec/spec_sets.h"

namespace bulkhead::vmspec {
namespace {

TEST(Example, TwoLevelsChecksClean) {
  auto files = ReadSpecFolder(SourceRoot() + "/vmspec/examples/two-levels");
  ASSERT_TRUE(files) << files.error().message;
  CheckedSpec checked = CheckSpec(*files);
  EXPECT_TRUE(checked.ok());
  EXPECT_EQ(FormatDiagnostics(*files, checked, false),
            "0 errors, 0 warnings in 6 files (2 levels, 1 flow).\n");
}

TEST(Example, TwoLevelsMeansWhatItSays) {
  auto files = ReadSpecFolder(SourceRoot() + "/vmspec/examples/two-levels");
  ASSERT_TRUE(files);
  SpecSet spec = CheckSpec(*files).spec;
  const Level& low = spec.levels.at("low");
  EXPECT_EQ(low.title, "Public");
  EXPECT_EQ(low.memory_mib, 512U);
  EXPECT_EQ(low.state_mib, 256U);
  EXPECT_TRUE(low.persistent);
  ASSERT_EQ(low.network.allow.size(), 3U);
  EXPECT_EQ(low.network.allow[0].protocol, Protocol::kTcp);
  EXPECT_EQ(low.network.allow[0].ports, (std::vector<PortRange>{{80, 80}, {443, 443}}));
  EXPECT_EQ(low.network.allow[0].origin.ToString(), "levels/low.toml:18");
  EXPECT_EQ(low.network.allow[2].protocol, Protocol::kIcmp);
  EXPECT_TRUE(low.network.allow[2].to.v6);
  EXPECT_EQ(low.Device(DeviceClass::kStorage).mode, GrantMode::kNone);
  EXPECT_EQ(spec.levels.at("high").Device(DeviceClass::kStorage).mode, GrantMode::kManual);
  EXPECT_EQ(spec.flows.at("up").max_file_bytes, 64ULL << 20);
  EXPECT_EQ(spec.flows.at("up").quota_bytes, 256ULL << 20);
  EXPECT_EQ(spec.uplinks.at("office").interface, "bhu-office");
  EXPECT_EQ(spec.uplinks.at("office").kind, UplinkKind::kRouted);
  ASSERT_EQ(spec.device_rules.size(), 1U);
  EXPECT_TRUE(spec.device_rules[0].deny);
  EXPECT_EQ(spec.host.accel, Accel::kAuto);
  EXPECT_TRUE(spec.host.allow_tcg);
  EXPECT_EQ(spec.host.pool4.ToString(), "10.77.0.0/16");
}

}  // namespace
}  // namespace bulkhead::vmspec
