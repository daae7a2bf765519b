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
  auto rules = SamplePolicy().rules;
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
  EXPECT_FALSE(Allows({}, To("192.0.2.9", 6, 80)));
}

}  // namespace
}  // namespace bulkhead::netpolicy
