// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/super/instance_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "hostd/super/super_protocol.h"

namespace bulkhead::super {
namespace {

using hostd::ServiceInstance;
using Kind = ServiceInstance::Kind;
using ::testing::HasSubstr;

ServiceInstance Agentd(const std::string& level, std::uint32_t index) {
  return {Kind::kAgentd, level, index, level, index, "", 0, 0, 0};
}
ServiceInstance Send() { return {Kind::kDiodeSend, "up", 1, "low", 1, "high", 100, 1000, 10}; }
ServiceInstance Receive() {
  return {Kind::kDiodeReceive, "up", 1, "high", 2, "low", 100, 1000, 10};
}

std::vector<ServiceInstance> Good() {
  return {Agentd("low", 1), Agentd("high", 2), Send(), Receive()};
}

TEST(InstanceRules, TwoLevelsWithAFlowPass) {
  EXPECT_TRUE(CheckInstances(Good()));
  EXPECT_TRUE(CheckInstances({}));
}

TEST(InstanceRules, UnitsAreNamedAfterKindAndName) {
  EXPECT_EQ("agentd@low", UnitName(Agentd("low", 1)));
  EXPECT_EQ("diode-send@up", UnitName(Send()));
  EXPECT_EQ("diode-receive@up", UnitName(Receive()));
}

/// One wrong thing in an otherwise good list.
void ExpectRefused(const char* why,
                   const std::function<void(std::vector<ServiceInstance>&)>& spoil) {
  auto list = Good();
  spoil(list);
  auto s = CheckInstances(list);
  ASSERT_FALSE(s) << why;
  EXPECT_EQ(ErrorCode::kInvalid, s.error().code);
  EXPECT_THAT(s.error().message, HasSubstr(why));
}

TEST(InstanceRules, CannotUseANameThatIsAPath) {
  for (const char* name : {"..", ".", "a/b", "/etc", "", "A", "1a", "-a", "a b", "a\n", "a\x1b",
                           "\xc3\xa4", "abcdefghijklmnopqrstuvwxyz012345"}) {
    ExpectRefused("form", [&](auto& l) { l[0].name = l[0].level = name; });
    ExpectRefused("form", [&](auto& l) { l[2].name = name; });
    ExpectRefused("form", [&](auto& l) { l[2].peer_level = name; });
  }
  ExpectRefused("form", [](auto& l) { l[2].name = std::string("up\0x", 4); });
}

TEST(InstanceRules, CannotChooseAUidOutsideTheRanges) {
  for (std::uint32_t index : {0U, 4096U, 0xFFFFFFFFU, 4294957296U}) {
    ExpectRefused("index", [&](auto& l) { l[0].index = l[0].level_index = index; });
    ExpectRefused("index", [&](auto& l) { l[2].index = index; });
    ExpectRefused("index", [&](auto& l) { l[2].level_index = index; });
  }
}

TEST(InstanceRules, CannotHaveTheSameInstanceTwice) {
  ExpectRefused("twice", [](auto& l) { l.push_back(l[0]); });
}

TEST(InstanceRules, CannotLetTwoLevelsShareAnIndex) {
  ExpectRefused("disagree", [](auto& l) { l[1].index = l[1].level_index = 1; });
}

TEST(InstanceRules, CannotLetTwoFlowsShareAnIndex) {
  ExpectRefused("disagree", [](auto& l) {
    auto other = Send();
    other.name = "other";
    l.push_back(other);
  });
}

TEST(InstanceRules, CannotGiveADiodeTheChannelOfAnotherLevel) {
  ExpectRefused("disagree", [](auto& l) { l[2].level_index = 2; });
}

TEST(InstanceRules, CannotLetHalvesOfAFlowDisagree) {
  ExpectRefused("different levels", [](auto& l) { l[3].peer_level = "other"; });
  ExpectRefused("disagree", [](auto& l) { l[3].index = 2; });
}

TEST(InstanceRules, CannotLeadAFlowToItsOwnLevel) {
  ExpectRefused("to itself", [](auto& l) { l[2].peer_level = "low"; });
}

TEST(InstanceRules, CannotNameAgentdDifferentlyFromItsLevel) {
  ExpectRefused("after its level", [](auto& l) { l[0].name = "other"; });
  ExpectRefused("after its level", [](auto& l) { l[0].index = 7; });
}

TEST(InstanceRules, CannotLeaveDiodesUnbounded) {
  ExpectRefused("byte bounds", [](auto& l) { l[2].max_file_bytes = 0; });
  ExpectRefused("byte bounds", [](auto& l) { l[2].quota_bytes = 50; });
  ExpectRefused("byte bounds", [](auto& l) { l[2].quota_bytes = ~0ULL; });
  ExpectRefused("file count", [](auto& l) { l[2].max_files = 0; });
  ExpectRefused("file count", [](auto& l) { l[2].max_files = ~0U; });
}

TEST(InstanceRules, CannotBeOfAKindThatIsNone) {
  for (int kind : {0, 4, 255}) {
    ExpectRefused("kind", [&](auto& l) { l[0].kind = static_cast<Kind>(kind); });
  }
}

TEST(InstanceRules, FaultsAreToldWithoutTheHostileName) {
  auto list = Good();
  list[0].name = list[0].level = "\x1b[2J";
  EXPECT_EQ(std::string::npos, CheckInstances(list).error().message.find('\x1b'));
}

TEST(SuperProtocol, InstancesSurviveTheWire) {
  FrameReader reader(kMaxPayload);
  ASSERT_TRUE(reader.Feed(Encode(Request(SetInstances{Good()}))));
  auto back = DecodeRequest(*reader.Next());
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(Good(), std::get<SetInstances>(*back).instances);
}

TEST(SuperProtocol, LargestListFitsAFrame) {
  SetInstances all;
  for (std::uint32_t i = 0; i < kMaxInstances; ++i) {
    all.instances.push_back({Kind::kDiodeSend, std::string(31, 'a'), i, std::string(31, 'b'), i,
                             std::string(31, 'c'), 1, 1, 1});
  }
  EXPECT_LE(Encode(Request(all)).size(), kMaxPayload + kFrameHeaderBytes);
  StatusList status;
  status.units.assign(kMaxInstances + 64, {std::string(64, 'u'), 1, 1});
  EXPECT_LE(Encode(Answer(status)).size(), kMaxPayload + kFrameHeaderBytes);
}

TEST(SuperProtocol, CannotAnnounceMoreInstancesThanAreThere) {
  Frame frame{SetInstances::kType, {0xFF, 0xFF, 0xFF, 0xFF}};
  EXPECT_FALSE(DecodeRequest(frame));
}

TEST(SuperProtocol, ErrorsTravelWithTheirCode) {
  Error back = ToError(ToFailed({ErrorCode::kConflict, "in the way", 0}));
  EXPECT_EQ(ErrorCode::kConflict, back.code);
  EXPECT_EQ("in the way", back.message);
  EXPECT_EQ(ErrorCode::kInternal, ToError(Failed{200, "x"}).code);
}

}  // namespace
}  // namespace bulkhead::super
