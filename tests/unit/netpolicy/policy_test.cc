// SPDX-License-Identifier: GPL-2.0-or-later
#include "netpolicy/policy.h"

#include <gtest/gtest.h>

#include <random>

#include "netpolicy/check_policy.h"
#include "netpolicy/level_name.h"
#include "tests/unit/netpolicy/sample_policy.h"
#include "vmspec/base/identity.h"

namespace bulkhead::netpolicy {
namespace {

TEST(InterfaceNames, AreTheLevelsNameWhenItFits) {
  EXPECT_EQ("bh-low", InterfaceName("low"));
  EXPECT_EQ("bh-abcdefghijkl", InterfaceName("abcdefghijkl"));
}

TEST(InterfaceNames, AreShortenedWithAHashThatNoLevelNameCanSpell) {
  std::string a = InterfaceName("headquarters-one");
  std::string b = InterfaceName("headquarters-two");
  EXPECT_EQ(15u, a.size());
  EXPECT_NE(a, b);
  EXPECT_NE(std::string::npos, a.find('_'));
}

TEST(Links, AreTheIndexthBlockOfThePools) {
  auto link = LinkFor(SampleSpec().host, "low", 1).value();
  EXPECT_EQ((std::array<std::uint8_t, 4>{10, 77, 0, 5}), link.host4);
  EXPECT_EQ((std::array<std::uint8_t, 4>{10, 77, 0, 6}), link.guest4);
  EXPECT_EQ(5, link.host6[15]);
  EXPECT_EQ(6, link.guest6[15]);
  auto last = LinkFor(SampleSpec().host, "low", kMaxLevelIndex).value();
  EXPECT_EQ((std::array<std::uint8_t, 4>{10, 77, 63, 254}), last.guest4);
  EXPECT_EQ((MacAddress{0x02, 'b', 'h', 0x0f, 0xff, 2}), last.mac);
}

TEST(Links, EndWithThePool) {
  auto host = SampleSpec().host;
  host.pool4 = *vmspec::ParsePrefix("10.77.0.0/28");
  EXPECT_TRUE(LinkFor(host, "low", 3));
  auto full = LinkFor(host, "low", 4);
  ASSERT_FALSE(full);
  EXPECT_EQ(ErrorCode::kLimit, full.error().code);
  EXPECT_NE(std::string::npos, full.error().message.find("10.77.0.0/28"));
  EXPECT_FALSE(LinkFor(SampleSpec().host, "low", 0));
  EXPECT_FALSE(LinkFor(SampleSpec().host, "low", kMaxLevelIndex + 1));
}

TEST(LinkLocalAddress, IsTheEui64OfTheMac) {
  EXPECT_EQ((std::array<std::uint8_t, 16>{0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0x00, 'b', 'h', 0xff, 0xfe,
                                          0, 1, 2}),
            LinkLocal(GuestMac(1)));
}

TEST(CompileLevel, GivesNothingToALevelWithoutNetwork) {
  auto spec = SampleSpec();
  spec.levels["low"].network.uplink = "";
  EXPECT_FALSE(CompileLevel(spec, "low", 1).value());
  EXPECT_EQ(ErrorCode::kNotFound, CompileLevel(spec, "none", 1).error().code);
}

TEST(CompileLevel, RefusesTwoLevelsThatWouldShareAnInterface) {
  // Found by search: both shorten to one name.
  auto spec = SampleSpec();
  std::map<std::string, std::string> seen;
  for (int i = 0;; ++i) {
    std::string name = "headquarters-" + std::to_string(i);
    auto [other, fresh] = seen.emplace(InterfaceName(name), name);
    if (fresh) continue;
    spec.levels[name] = spec.levels[other->second] = spec.levels["low"];
    auto refused = CompileLevel(spec, name, 1);
    ASSERT_FALSE(refused);
    EXPECT_EQ(ErrorCode::kInvalid, refused.error().code);
    EXPECT_NE(std::string::npos, refused.error().message.find(other->second));
    return;
  }
}

TEST(CompileLevel, DropsCommentsAndRefusesTooManyRules) {
  auto spec = SampleSpec();
  spec.levels["low"].network.allow[0].comment = "\x1b[2J";
  EXPECT_EQ("", CompileLevel(spec, "low", 1).value()->rules[0].comment);
  spec.levels["low"].network.allow.resize(kMaxRules + 1);
  EXPECT_EQ(ErrorCode::kLimit, CompileLevel(spec, "low", 1).error().code);
}

TEST(PolicyCodec, RoundTrips) {
  LevelPolicy policy = SamplePolicy();
  auto back = DecodePolicy(EncodePolicy(policy)).value();
  EXPECT_EQ(EncodePolicy(policy), EncodePolicy(back));
  EXPECT_EQ("low", back.level);
  EXPECT_EQ(LevelUid(1), back.uid);
  EXPECT_EQ(5u, back.rules.size());
  EXPECT_EQ("levels/low.toml:15", back.rules[4].origin.ToString());
}

vmspec::Level& LowOf(vmspec::SpecSet& spec) { return spec.levels.at("low"); }

TEST(CompileLevel, LeavesOutRulesThatHaveEnded) {
  auto spec = SampleSpec();
  LowOf(spec).network.allow[0].until_unix_s = 1000;
  LowOf(spec).network.deny = {LowOf(spec).network.allow[1]};
  LowOf(spec).network.deny[0].until_unix_s = 2000;
  EXPECT_EQ(5u, CompileLevel(spec, "low", 1, 999).value()->rules.size());
  EXPECT_EQ(4u, CompileLevel(spec, "low", 1, 1000).value()->rules.size());
  EXPECT_EQ(1u, CompileLevel(spec, "low", 1, 1999).value()->deny.size());
  EXPECT_EQ(0u, CompileLevel(spec, "low", 1, 2000).value()->deny.size());
  EXPECT_EQ(1000, NextRuleEnd(LowOf(spec), 0));
  EXPECT_EQ(1000, NextRuleEnd(LowOf(spec), 999));
  EXPECT_EQ(2000, NextRuleEnd(LowOf(spec), 1000));
  EXPECT_EQ(std::nullopt, NextRuleEnd(LowOf(spec), 2000));
}

TEST(CompileLevel, CannotTakeARuleForANameForOneForEverything) {
  auto spec = SampleSpec();
  LowOf(spec).network.allow[0].to_name = "updates.example.org";
  auto refused = CompileLevel(spec, "low", 1);
  ASSERT_FALSE(refused);
  EXPECT_EQ(ErrorCode::kInvalid, refused.error().code);
  EXPECT_NE(std::string::npos, refused.error().message.find("levels/low.toml:11"));
}

TEST(CompileLevel, RoundsALimitDownButNeverToNone) {
  auto spec = SampleSpec();
  auto bytes = [&](std::uint64_t bits) {
    LowOf(spec).network.out_bits_per_s = bits;
    return CompileLevel(spec, "low", 1).value()->out_bytes_per_s;
  };
  EXPECT_EQ(0u, bytes(0));
  EXPECT_EQ(1u, bytes(1));
  EXPECT_EQ(1u, bytes(15));
  EXPECT_EQ(1'250'000u, bytes(10'000'000));
  EXPECT_EQ(kMaxBytesPerS, bytes(100'000'000'000));
  LowOf(spec).network.out_bits_per_s = ~std::uint64_t{0};
  EXPECT_FALSE(CompileLevel(spec, "low", 1));
}

TEST(StaticAddress, IsTheGuestsAndTheHostHasTheOneBefore) {
  auto spec = SampleSpec();
  LowOf(spec).network.address4 = vmspec::ParsePrefix("192.0.2.254");
  LowOf(spec).network.address6 = vmspec::ParsePrefix("2001:db8:77::a");
  auto policy = CompileLevel(spec, "low", 1).value().value();
  EXPECT_EQ((std::array<std::uint8_t, 4>{192, 0, 2, 254}), policy.link.guest4);
  EXPECT_EQ((std::array<std::uint8_t, 4>{192, 0, 2, 253}), policy.link.host4);
  EXPECT_EQ(10, policy.link.guest6[15]);
  EXPECT_EQ(9, policy.link.host6[15]);
  EXPECT_TRUE(DecodePolicy(EncodePolicy(policy)));
}

TEST(StaticAddress, SaysWhichIsNearWhenItCannotBe) {
  auto spec = SampleSpec();
  LowOf(spec).network.address4 = vmspec::ParsePrefix("192.0.2.7");
  auto refused = CompileLevel(spec, "low", 1);
  ASSERT_FALSE(refused);
  EXPECT_NE(std::string::npos, refused.error().message.find("take 192.0.2.6"))
      << refused.error().message;
}

TEST(StaticAddress, CannotBeAnotherLevelsOrOfThePoolOrNone) {
  for (const char* address : {"10.77.0.6", "127.0.0.2", "224.0.0.2", "192.0.2.0/30", "fd00::2"}) {
    auto spec = SampleSpec();
    LowOf(spec).network.address4 = vmspec::ParsePrefix(address);
    EXPECT_FALSE(CompileLevel(spec, "low", 1)) << address;
  }
  for (const char* address : {"fd77::6", "::2", "fe80::2", "ff02::2", "10.0.0.2"}) {
    auto spec = SampleSpec();
    LowOf(spec).network.address6 = vmspec::ParsePrefix(address);
    EXPECT_FALSE(CompileLevel(spec, "low", 1)) << address;
  }
  auto spec = SampleSpec();
  LowOf(spec).network.address4 = vmspec::ParsePrefix("192.0.2.6");
  spec.levels["high"].network.address4 = vmspec::ParsePrefix("192.0.2.6");
  EXPECT_FALSE(CompileLevel(spec, "low", 1));
  spec.levels["high"].network.address4 = vmspec::ParsePrefix("192.0.2.10");
  EXPECT_TRUE(CompileLevel(spec, "low", 1));
}

using Change = void (*)(LevelPolicy&);
struct Forgery {
  const char* what;
  Change change;
};

class PolicyForgery : public testing::TestWithParam<Forgery> {};

TEST_P(PolicyForgery, CannotPassTheDecoder) {
  LevelPolicy policy = SamplePolicy();
  GetParam().change(policy);
  auto refused = DecodePolicy(EncodePolicy(policy));
  ASSERT_FALSE(refused);
  EXPECT_EQ(ErrorCode::kInvalid, refused.error().code) << refused.error().message;
}

INSTANTIATE_TEST_SUITE_P(
    All, PolicyForgery,
    testing::Values(
        Forgery{"Level", [](LevelPolicy& p) { p.level = "../x"; }},
        Forgery{"LevelOfAnother", [](LevelPolicy& p) { p.level = "high"; }},
        Forgery{"RootUid", [](LevelPolicy& p) { p.uid = 0; }},
        Forgery{"UidOfAnother", [](LevelPolicy& p) { p.uid++; }},
        Forgery{"Interface", [](LevelPolicy& p) { p.link.interface = "eth0"; }},
        Forgery{"MacOfAnother", [](LevelPolicy& p) { p.link.mac[4]++; }},
        Forgery{"GuestIsHost4", [](LevelPolicy& p) { p.link.guest4 = p.link.host4; }},
        Forgery{"Loopback4", [](LevelPolicy& p) { p.link.host4[0] = p.link.guest4[0] = 127; }},
        Forgery{"Multicast4", [](LevelPolicy& p) { p.link.host4[0] = p.link.guest4[0] = 224; }},
        Forgery{"FarGuest6", [](LevelPolicy& p) { p.link.guest6[0]++; }},
        Forgery{"Multicast6", [](LevelPolicy& p) { p.link.host6[0] = p.link.guest6[0] = 0xff; }},
        Forgery{"UplinkIsATap", [](LevelPolicy& p) { p.uplink_interface = "bh-high"; }},
        Forgery{"UplinkIsLoopback", [](LevelPolicy& p) { p.uplink_interface = "lo"; }},
        Forgery{"UplinkIsAPath", [](LevelPolicy& p) { p.uplink_interface = "../../x"; }},
        Forgery{"NoUplink", [](LevelPolicy& p) { p.uplink_interface = ""; }},
        Forgery{"OutOverflow", [](LevelPolicy& p) { p.out_bytes_per_s = kMaxBytesPerS + 1; }},
        Forgery{"InOverflow", [](LevelPolicy& p) { p.in_bytes_per_s = ~std::uint64_t{0}; }},
        Forgery{"UplinkIsAnyInterface", [](LevelPolicy& p) { p.uplink_interface = "eth*"; }},
        Forgery{"DenyHostBits",
                [](LevelPolicy& p) {
                  p.deny = {p.rules[0]};
                  p.deny[0].to.address[3] = 1;
                }},
        Forgery{"HostBits", [](LevelPolicy& p) { p.rules[0].to.address[3] = 1; }},
        Forgery{"LongPrefix", [](LevelPolicy& p) { p.rules[0].to.length = 33; }},
        Forgery{"PortsOfIcmp", [](LevelPolicy& p) { p.rules[2].ports = {{1, 2}}; }},
        Forgery{"BackwardPorts", [](LevelPolicy& p) { p.rules[0].ports = {{2, 1}}; }},
        Forgery{"Protocol", [](LevelPolicy& p) { p.rules[0].protocol = vmspec::Protocol{9}; }},
        Forgery{"Escape", [](LevelPolicy& p) { p.rules[0].origin.file = "\x1b[2J"; }},
        Forgery{"Quote", [](LevelPolicy& p) { p.rules[0].origin.file = "a\" drop"; }},
        Forgery{"Comment", [](LevelPolicy& p) { p.rules[0].comment = "\n"; }}),
    [](const auto& param_info) { return param_info.param.what; });

TEST(PolicyCodec, CannotBeTruncatedOrExtended) {
  Bytes whole = EncodePolicy(SamplePolicy());
  for (std::size_t n = 0; n < whole.size(); ++n) {
    EXPECT_FALSE(DecodePolicy(ByteView(whole).first(n))) << n;
  }
  whole.push_back(0);
  EXPECT_FALSE(DecodePolicy(whole));
}

TEST(PolicyCodec, CannotBeCrashedByMutations) {
  const Bytes good = EncodePolicy(SamplePolicy());
  std::mt19937 random(7);
  int accepted = 0;
  for (int round = 0; round < 20000; ++round) {
    Bytes bytes = good;
    for (unsigned n = 1 + random() % 4; n > 0; --n) {
      bytes[random() % bytes.size()] = static_cast<std::uint8_t>(random());
    }
    auto policy = DecodePolicy(bytes);
    if (!policy) continue;
    ++accepted;
    // Whatever passes is a policy that says the same when it is sent on.
    EXPECT_EQ(bytes, EncodePolicy(*policy));
    EXPECT_EQ(InterfaceName(policy->level), policy->link.interface);
  }
  EXPECT_GT(accepted, 0);
}

}  // namespace
}  // namespace bulkhead::netpolicy
