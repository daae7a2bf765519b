// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/scalars.h"

#include <gtest/gtest.h>

#include "vmspec/did_you_mean.h"

namespace bulkhead::vmspec {
namespace {

TEST(Size, ReadsBinaryUnits) {
  EXPECT_EQ(ParseSize("0 B"), 0U);
  EXPECT_EQ(ParseSize("7 KiB"), 7U << 10);
  EXPECT_EQ(ParseSize("512 MiB"), 512ULL << 20);
  EXPECT_EQ(ParseSize("2 GiB"), 2ULL << 30);
  EXPECT_EQ(ParseSize("16777215 TiB"), 16777215ULL << 40);
  EXPECT_EQ(ParseSize("18446744073709551615 B"), UINT64_MAX);
}

TEST(Size, CannotOverflow) {
  for (const char* text : {"18446744073709551616 B", "16777216 TiB", "18014398509481984 KiB",
                           "99999999999999999999999 MiB"}) {
    EXPECT_FALSE(ParseSize(text)) << text;
  }
}

TEST(Size, CannotBeWrittenLoosely) {
  for (const char* text :
       {"", " ", "MiB", " MiB", "1", "1MiB", "1  MiB", "1 MiB ", " 1 MiB", "1 MB", "1 mib",
        "-1 MiB", "+1 MiB", "01 MiB", "1.5 GiB", "0x10 MiB", "1e3 MiB", "1 MiB MiB", "１ MiB"}) {
    EXPECT_FALSE(ParseSize(text)) << text;
  }
}

TEST(Size, IsWrittenInTheLargestUnitThatFits) {
  EXPECT_EQ(FormatSize(0), "0 B");
  EXPECT_EQ(FormatSize(1023), "1023 B");
  EXPECT_EQ(FormatSize(1536ULL << 20), "1536 MiB");
  EXPECT_EQ(FormatSize(1ULL << 50), "1024 TiB");
}

TEST(Name, FollowsTheRule) {
  EXPECT_TRUE(IsName("a"));
  EXPECT_TRUE(IsName("low-2"));
  EXPECT_TRUE(IsName(std::string(31, 'a')));
}

TEST(Name, CannotBeAnythingElse) {
  using namespace std::string_view_literals;
  for (std::string_view text : {""sv, "-a"sv, "2a"sv, "A"sv, "a_b"sv, "a.b"sv, "a/b"sv, ".."sv,
                                "a b"sv, "a\n"sv, "a\0"sv, "ä"sv, "*"sv}) {
    EXPECT_FALSE(IsName(text)) << text;
  }
  EXPECT_FALSE(IsName(std::string(32, 'a')));
}

TEST(Ports, CannotBeOutOfRangeOrLoose) {
  EXPECT_EQ(ParsePorts("1-65535"), (PortRange{1, 65535}));
  for (const char* text : {"", "0", "65536", "-1", "1-", "-", "1-2-3", "2-1", "0-5", "1-65536",
                           " 1", "1 - 2", "08", "http", "4294967376", "18446744073709551617"}) {
    EXPECT_FALSE(ParsePorts(text)) << text;
  }
}

TEST(UplinkInterface, CannotBeALevelsTapOrAPath) {
  EXPECT_TRUE(IsUplinkInterface("bhu-office"));
  EXPECT_TRUE(IsUplinkInterface("enp0s31f6.100"));
  for (const char* text : {"", "lo", ".", "..", "bh-low", "a/b", "eth 0", "eth0\n",
                           "sixteen-bytes-xx", "eth%d", "a:b"}) {
    EXPECT_FALSE(IsUplinkInterface(text)) << text;
  }
}

TEST(EditDistance, CountsSwapsOfNeighboursAsOne) {
  EXPECT_EQ(EditDistance("", "abc"), 3U);
  EXPECT_EQ(EditDistance("memory", "memory"), 0U);
  EXPECT_EQ(EditDistance("memmory", "memory"), 1U);
  EXPECT_EQ(EditDistance("tranfser", "transfer"), 1U);
  EXPECT_EQ(EditDistance("kitten", "sitting"), 3U);
}

TEST(DidYouMean, NamesTheNearestOrNobody) {
  const std::string words[] = {"memory", "memo", "vcpus"};
  EXPECT_EQ(DidYouMean("memmory", words), "did you mean \"memory\"?");
  EXPECT_EQ(DidYouMean("elephant", words), "");
  EXPECT_EQ(DidYouMean("x", words), "");
  EXPECT_EQ(DidYouMean(std::string(1 << 20, 'm'), words), "");
}

}  // namespace
}  // namespace bulkhead::vmspec
