// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/value_hints.h"

#include <gtest/gtest.h>

#include "vmspec/scalars.h"

namespace bulkhead::vmspec {
namespace {

/// What stands between the quotes of `did you mean "..."?`.
std::string Value(const std::string& hint) {
  auto first = hint.find('"');
  return first == hint.npos ? "" : hint.substr(first + 1, hint.rfind('"') - first - 1);
}

TEST(ValueHints, NameTheUnitThatPeopleSayOtherwise) {
  EXPECT_EQ(MeantSize("2GB"), "did you mean \"2 GiB\"?");
  EXPECT_EQ(MeantSize("768MiB"), "did you mean \"768 MiB\"?");
  EXPECT_EQ(MeantSize("1.5 GiB"), "did you mean \"1536 MiB\"?");
  EXPECT_EQ(MeantDuration("60 m"), "did you mean \"60 min\"?");
  EXPECT_EQ(MeantDuration("1 hour"), "did you mean \"1 h\"?");
  EXPECT_EQ(MeantBitRate("10Mbps"), "did you mean \"10 Mbit/s\"?");
  EXPECT_EQ(MeantNetwork("10.20.0.5/16"), "did you mean \"10.20.0.0/16\"?");
  EXPECT_EQ(MeantNetwork("2001:db8::1/64"), "did you mean \"2001:db8::/64\"?");
  EXPECT_EQ(MeantPorts("8099-8000"), "did you mean \"8000-8099\"?");
}

TEST(ValueHints, AreValuesThatTheReaderTakes) {
  for (const char* text : {"1", "2GB", "3 tb", "0.5 GiB", "1.25 GiB", "9 bytes", "7K"}) {
    std::string value = Value(MeantSize(text));
    EXPECT_TRUE(value.empty() || ParseSize(value)) << text << " " << value;
  }
  for (const char* text : {"1.2.3.4/0", "1.2.3.4/31", "::1/0", "ff::1/127", "1.2.3.4/32"}) {
    std::string value = Value(MeantNetwork(text));
    EXPECT_TRUE(ParsePrefix(value)) << text << " " << value;
  }
}

TEST(ValueHints, SayNothingWhereTheyWouldGuess) {
  EXPECT_EQ(MeantSize("big"), "");
  EXPECT_EQ(MeantSize("1.3 GiB"), "");
  EXPECT_EQ(MeantSize("99999999999 GB"), "");
  EXPECT_EQ(MeantSize(""), "");
  EXPECT_EQ(MeantDuration("1 month"), "");
  EXPECT_EQ(MeantBitRate("10 MBps"), "");
  EXPECT_EQ(MeantNetwork("10.20.0.0/33"), "");
  EXPECT_EQ(MeantNetwork("10.20/16"), "");
  EXPECT_EQ(MeantNetwork("1.2.3.4/5/6"), "");
  EXPECT_EQ(MeantPorts("0-70000"), "");
}

}  // namespace
}  // namespace bulkhead::vmspec
