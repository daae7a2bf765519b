// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/model.h"

#include <gtest/gtest.h>

#include <random>

namespace bulkhead::vmspec {
namespace {

/// Few ranks and compartments, so that labels often compare.
Label RandomLabel(std::mt19937& random) {
  static const std::string kCompartments[] = {"crypto", "hq", "nato", "site"};
  Label label{static_cast<int>(random() % 4), {}};
  for (const std::string& compartment : kCompartments) {
    if (random() % 2 == 0) label.compartments.insert(compartment);
  }
  return label;
}

TEST(Label, DominationIsAPartialOrder) {
  std::mt19937 random(20261124);
  for (int i = 0; i < 20'000; ++i) {
    Label a = RandomLabel(random), b = RandomLabel(random), c = RandomLabel(random);
    ASSERT_TRUE(a.Dominates(a));
    ASSERT_EQ(a.Dominates(b) && b.Dominates(a), a == b) << a.ToString() << " " << b.ToString();
    if (a.Dominates(b) && b.Dominates(c)) {
      ASSERT_TRUE(a.Dominates(c));
    }
  }
}

TEST(Label, TheJoinOfTwoIsTheLeastThatDominatesBoth) {
  std::mt19937 random(7);
  for (int i = 0; i < 20'000; ++i) {
    Label a = RandomLabel(random), b = RandomLabel(random), c = RandomLabel(random);
    Label join{std::max(a.rank, b.rank), a.compartments};
    join.compartments.insert(b.compartments.begin(), b.compartments.end());
    ASSERT_EQ(c.Dominates(join), c.Dominates(a) && c.Dominates(b));
  }
}

TEST(Label, AHigherRankWithoutTheCompartmentDoesNotDominate) {
  EXPECT_FALSE((Label{9, {}}.Dominates(Label{0, {"hq"}})));
  EXPECT_FALSE((Label{9, {"crypto"}}.Dominates(Label{0, {"hq"}})));
  EXPECT_TRUE((Label{0, {"crypto", "hq"}}.Dominates(Label{0, {"hq"}})));
}

TEST(Label, IsWrittenAsRankAndCompartments) {
  EXPECT_EQ((Label{2, {}}.ToString()), "2");
  EXPECT_EQ((Label{2, {"hq", "crypto"}}.ToString()), "2 {crypto,hq}");
}

TEST(Prefix, ReadsBackWhatItWrites) {
  for (const char* text : {"10.0.0.0/8", "10.1.2.3", "0.0.0.0/0", "fd00::/8", "::/0", "2001:db8::1",
                           "192.168.0.128/25", "fe80::/10"}) {
    auto prefix = ParsePrefix(text);
    ASSERT_TRUE(prefix) << text;
    EXPECT_EQ(prefix->ToString(), text);
  }
}

TEST(Prefix, ASingleAddressHasTheFullLength) {
  EXPECT_EQ(ParsePrefix("10.1.2.3")->length, 32);
  EXPECT_EQ(ParsePrefix("10.1.2.3/32"), ParsePrefix("10.1.2.3"));
  EXPECT_EQ(ParsePrefix("fd00::1")->length, 128);
}

TEST(Prefix, CannotBeWrittenLoosely) {
  using namespace std::string_view_literals;
  for (std::string_view text : {""sv,
                                "/"sv,
                                "/8"sv,
                                "10"sv,
                                "10.1"sv,
                                "10.1.2.3.4"sv,
                                "10.1.2.256"sv,
                                "10.0.0.0/33"sv,
                                "10.0.0.0/"sv,
                                "10.0.0.0/08"sv,
                                "10.0.0.0/+8"sv,
                                "10.0.0.0/ 8"sv,
                                "10.0.0.0/8 "sv,
                                " 10.0.0.0/8"sv,
                                "10.0.0.0/8/8"sv,
                                "10.0.0.0/-1"sv,
                                "10.0.0.0/4294967304"sv,
                                "10.0.0.1/8"sv,
                                "10.1.2.3\0.4"sv,
                                "10.0.0.0\0/8"sv,
                                "0x0a.0.0.0"sv,
                                "010.0.0.0/8"sv,
                                "fd00::1/64"sv,
                                "fd00::/129"sv,
                                ":::"sv,
                                "fd00::%eth0"sv,
                                "[fd00::]"sv,
                                "mail.example"sv,
                                "::ffff:10.0.0.1/96"sv}) {
    EXPECT_FALSE(ParsePrefix(text)) << text;
  }
}

TEST(Prefix, CannotBeALongText) { EXPECT_FALSE(ParsePrefix(std::string(4 << 20, '1'))); }

}  // namespace
}  // namespace bulkhead::vmspec
