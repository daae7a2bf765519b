// SPDX-License-Identifier: GPL-2.0-or-later
#include <gtest/gtest.h>

#include <cstdlib>
#include <set>

#include "netpolicy/allows.h"
#include "netpolicy/ruleset_compiler.h"
#include "netpolicy/ruleset_text.h"
#include "tests/unit/netpolicy/sample_policy.h"
#include "vmspec/base/file.h"

namespace bulkhead::netpolicy {
namespace {

/// BULKHEAD_GOLDEN_UPDATE=1 writes the file instead: then read the difference.
void ExpectGolden(const std::string& name, const std::string& actual) {
  std::string path = std::string(BULKHEAD_GOLDEN_DIR) + "/" + name;
  if (std::getenv("BULKHEAD_GOLDEN_UPDATE") != nullptr) {
    ASSERT_TRUE(WriteFileAtomically(path, actual, 0644));
  }
  auto expected = ReadFile(path, 1 << 20);
  ASSERT_TRUE(expected) << path;
  EXPECT_EQ(*expected, actual);
}

TEST(Compiler, MakesTheGoldenRuleset) {
  ExpectGolden("two-levels.nft",
               RulesetText(CompileRuleset({SamplePolicy(), SamplePolicy("high", 2)})));
}

TEST(Compiler, GivesARoutedLevelNoMasquerade) {
  LevelPolicy policy = SamplePolicy();
  policy.nat = false;
  for (const Element& element : CompileRules(policy).elements) {
    EXPECT_NE(names::kNatFrom, element.map);
  }
}

TEST(Compiler, EndsEveryChainOfALevelWithADrop) {
  for (const Chain& chain : CompileRules(SamplePolicy()).chains) {
    EXPECT_EQ(Action::kDrop, chain.rules.back().action) << chain.name;
    EXPECT_TRUE(chain.rules.back().matches.empty()) << chain.name;
  }
}

TEST(Compiler, GivesEveryDecisionOfALevelAnOrigin) {
  for (const Chain& chain : CompileRules(SamplePolicy()).chains) {
    for (const Rule& rule : chain.rules) EXPECT_NE("", rule.origin) << RuleText(rule);
  }
}

TEST(ChainNames, TellTheLevel) {
  EXPECT_EQ("low", LevelOfChain("low/host-in"));
  EXPECT_EQ("", LevelOfChain("forward"));
  EXPECT_EQ("", LevelOfChain("low/other"));
  EXPECT_EQ("", LevelOfChain("LOW/out"));
  EXPECT_EQ(5u, ChainNamesOf("low").size());
}

TEST(ChainDigests, DifferWithRuleOrderAndOrigin) {
  Chain chain = CompileRules(SamplePolicy()).chains[0];
  std::set<std::array<std::uint8_t, 16>> seen = {ChainDigest(chain)};
  std::swap(chain.rules[2], chain.rules[3]);
  EXPECT_TRUE(seen.insert(ChainDigest(chain)).second);
  chain.rules[2].origin += "0";
  EXPECT_TRUE(seen.insert(ChainDigest(chain)).second);
  chain.rules.pop_back();
  EXPECT_TRUE(seen.insert(ChainDigest(chain)).second);
}

Connection To(const char* address, std::uint8_t transport, std::uint16_t port,
              std::uint8_t icmp_type = 0) {
  vmspec::Prefix to = *vmspec::ParsePrefix(address);
  return {to.v6, {}, to.address, transport, port, icmp_type};
}

TEST(Allows, DecidesAsTheRulesDo) {
  LevelPolicy rules = SamplePolicy();
  EXPECT_TRUE(Allows(rules, To("192.0.2.9", 6, 80)));
  EXPECT_TRUE(Allows(rules, To("192.0.2.9", 6, 8010)));
  EXPECT_FALSE(Allows(rules, To("192.0.2.9", 6, 8011)));
  EXPECT_FALSE(Allows(rules, To("192.0.3.9", 6, 80)));
  EXPECT_FALSE(Allows(rules, To("192.0.2.9", 17, 80)));
  EXPECT_TRUE(Allows(rules, To("2001:db8::53", 17, 53)));
  EXPECT_FALSE(Allows(rules, To("2001:db8::54", 17, 53)));
  EXPECT_TRUE(Allows(rules, To("192.0.2.9", 1, 0, 8)));
  EXPECT_FALSE(Allows(rules, To("192.0.2.9", 1, 0, 13)));
  EXPECT_TRUE(Allows(rules, To("2001:db8::1", 58, 0, 128)));
  EXPECT_TRUE(Allows(rules, To("198.51.100.7", 132, 0)));
  EXPECT_FALSE(Allows(LevelPolicy{}, To("192.0.2.9", 6, 80)));
}

TEST(Allows, DecidesThatADenyBeatsEveryAllow) {
  LevelPolicy policy = SamplePolicy();
  policy.deny = {{.protocol = vmspec::Protocol::kTcp,
                  .to = *vmspec::ParsePrefix("192.0.2.8/29"),
                  .ports = {{80, 80}}}};
  EXPECT_FALSE(Allows(policy, To("192.0.2.9", 6, 80)));
  EXPECT_TRUE(Allows(policy, To("192.0.2.9", 6, 8010)));
  EXPECT_TRUE(Allows(policy, To("192.0.2.17", 6, 80)));
}

const Chain& ChainNamed(const LevelRules& rules, const std::string& name) {
  for (const Chain& chain : rules.chains) {
    if (chain.name == name) return chain;
  }
  return rules.chains.at(0);
}

TEST(Compiler, PutsDenialsAndTheLimitBeforeEveryAllow) {
  LevelPolicy policy = SamplePolicy();
  policy.deny = {{.protocol = vmspec::Protocol::kUdp,
                  .to = *vmspec::ParsePrefix("198.51.100.0/24"),
                  .ports = {{53, 53}, {5353, 5353}},
                  .origin = {"levels/low.toml", 40, 1, 1}}};
  policy.out_bytes_per_s = 1'250'000;
  LevelRules compiled = CompileRules(policy);
  const Chain& out = ChainNamed(compiled, "low/out");
  EXPECT_EQ(
      "meta nfproto 2 ip daddr 198.51.100.0/24 meta l4proto 17 th dport 53 counter drop comment "
      "\"levels/low.toml:40\"",
      RuleText(out.rules[2]));
  EXPECT_EQ(Action::kDrop, out.rules[3].action);
  EXPECT_EQ(
      "limit rate over 1250000 bytes/second burst 131072 bytes counter drop comment \"limit out\"",
      RuleText(out.rules[4]));
  EXPECT_EQ(Action::kAccept, out.rules[5].action);
}

TEST(Compiler, LimitsWhatComesInToRepliesThatWereAskedFor) {
  LevelPolicy policy = SamplePolicy();
  policy.in_bytes_per_s = 1;
  LevelRules compiled = CompileRules(policy);
  EXPECT_EQ(
      "ct direction reply ct state established,related limit rate over 1 bytes/second burst 131072 "
      "bytes counter drop comment \"limit in\"",
      RuleText(ChainNamed(compiled, "low/in").rules[2]));
}

TEST(Compiler, HasNoLimitWhereNoneIsAsked) {
  for (const Chain& chain : CompileRules(SamplePolicy()).chains) {
    for (const Rule& rule : chain.rules) EXPECT_FALSE(rule.over);
  }
}

TEST(ChainDigests, DifferWithTheLimit) {
  LevelPolicy policy = SamplePolicy();
  policy.out_bytes_per_s = 1000;
  auto before = ChainDigest(CompileRules(policy).chains[0]);
  policy.out_bytes_per_s = 1001;
  EXPECT_NE(before, ChainDigest(CompileRules(policy).chains[0]));
}

}  // namespace
}  // namespace bulkhead::netpolicy
