// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/base/paths.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace bulkhead {
namespace {

class PathsTest : public testing::Test {
 protected:
  void SetUp() override { Forget(); }
  void TearDown() override { Forget(); }
  static void Forget() {
    for (const char* name : {"BULKHEAD_RUN_DIR", "BULKHEAD_STATE_DIR", "BULKHEAD_CACHE_DIR"}) {
      ::unsetenv(name);
    }
  }
};

TEST_F(PathsTest, AreTheSystemsOwnWithoutAWord) {
  Paths paths = Paths::FromEnvironment();
  EXPECT_EQ("/run/bulkhead/netd/socket", paths.NetdSocket());
  EXPECT_EQ("/var/lib/bulkhead/hostd/audit.log", paths.AuditLog());
  EXPECT_EQ("/var/cache/bulkhead", paths.cache);
}

TEST_F(PathsTest, EachRootMovesByItsOwnVariable) {
  ::setenv("BULKHEAD_RUN_DIR", "/r", 1);
  Paths only_run = Paths::FromEnvironment();
  EXPECT_EQ("/r/super/socket", only_run.SuperSocket());
  EXPECT_EQ("/var/lib/bulkhead", only_run.state);
  ::setenv("BULKHEAD_STATE_DIR", "/s", 1);
  ::setenv("BULKHEAD_CACHE_DIR", "/c", 1);
  Paths all = Paths::FromEnvironment();
  EXPECT_EQ("/s/flows/up/receive", all.FlowSpool("up", "receive"));
  EXPECT_EQ("/c", all.cache);
}

TEST_F(PathsTest, OfAChannelNameLevelAndPort) {
  Paths paths;
  EXPECT_EQ("/run/bulkhead/channels/low/out.up/sock", paths.ChannelSocket("low", "out.up"));
  EXPECT_EQ("/run/bulkhead/flows/up/pipe", paths.FlowPipe("up"));
}

// sun_path has 108 bytes: names of 31 letters must still give a socket that can be bound.
TEST_F(PathsTest, OfTheLongestNamesFitInASocketAddress) {
  std::string longest(31, 'x');
  EXPECT_LT(Paths().ChannelSocket(longest, "out." + longest).size(), 108U);
}

}  // namespace
}  // namespace bulkhead
