// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/guest/guest_runs.h"

#include <glib.h>
#include <gtest/gtest.h>

#include <optional>

namespace bulkhead::hostd {
namespace {

class GuestRunsTest : public testing::Test {
 protected:
  GuestRunsTest()
      : runs(
            [this](const std::string& level, control::HostMessage m) {
              if (!connected) return false;
              sent.emplace_back(level, std::move(m));
              return true;
            },
            100) {}
  void Start(const std::string& level, std::uint32_t timeout_ms = 60'000) {
    runs.Start(level, "user", {"/bin/true"}, timeout_ms,
               [this](Result<RunResult> r) { results.push_back(std::move(r)); });
  }
  static control::RunOutput Output(std::uint32_t run, std::size_t size, std::uint8_t stream = 1) {
    return {run, stream, Bytes(size, 'x')};
  }

  bool connected = true;
  std::vector<std::pair<std::string, control::HostMessage>> sent;
  std::vector<Result<RunResult>> results;
  GuestRuns runs;
};

TEST_F(GuestRunsTest, CollectsBothStreamsUntilTheExit) {
  Start("low");
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(std::get<control::Run>(sent[0].second).run, 100U);
  runs.OnOutput("low", Output(100, 3));
  runs.OnOutput("low", Output(100, 2, 2));
  runs.OnExit("low", {100, 7});
  ASSERT_EQ(results.size(), 1U);
  ASSERT_TRUE(results[0]);
  EXPECT_EQ(results[0]->status, 7);
  EXPECT_EQ(results[0]->out.size(), 3U);
  EXPECT_EQ(results[0]->err.size(), 2U);
}

TEST_F(GuestRunsTest, CannotAnswerForAnotherLevel) {
  Start("low");
  runs.OnOutput("high", Output(100, 3));
  runs.OnExit("high", {100, 0});
  EXPECT_TRUE(results.empty());
  runs.OnExit("low", {100, 0});
  ASSERT_EQ(results.size(), 1U);
  EXPECT_TRUE(results[0]->out.empty());
}

TEST_F(GuestRunsTest, CannotGrowHostdWithoutBound) {
  Start("low");
  for (int i = 0; i < 40; ++i) runs.OnOutput("low", Output(100, 32768));
  ASSERT_EQ(results.size(), 1U);
  EXPECT_EQ(results[0].error().code, ErrorCode::kLimit);
  EXPECT_TRUE(std::holds_alternative<control::RunCancel>(sent.back().second));
}

TEST_F(GuestRunsTest, TooManyAtOnceAreRefused) {
  for (std::size_t i = 0; i < kMaxRunsPerLevel; ++i) Start("low");
  EXPECT_TRUE(results.empty());
  Start("low");
  ASSERT_EQ(results.size(), 1U);
  EXPECT_EQ(results[0].error().code, ErrorCode::kLimit);
  Start("high");
  EXPECT_EQ(results.size(), 1U) << "another level has its own";
}

TEST_F(GuestRunsTest, TheEndOfTheAgentEndsItsRunsOnly) {
  Start("low");
  Start("high");
  runs.OnAgentGone("low");
  ASSERT_EQ(results.size(), 1U);
  EXPECT_EQ(results[0].error().code, ErrorCode::kUnavailable);
}

TEST_F(GuestRunsTest, WithoutAnAgentItSaysSoAtOnce) {
  connected = false;
  Start("low");
  ASSERT_EQ(results.size(), 1U);
  EXPECT_EQ(results[0].error().code, ErrorCode::kUnavailable);
}

TEST_F(GuestRunsTest, AProgramThatDoesNotEndIsKilled) {
  Start("low", 20);
  while (results.empty()) g_main_context_iteration(nullptr, TRUE);
  EXPECT_EQ(results[0].error().code, ErrorCode::kTimeout);
  EXPECT_EQ(std::get<control::RunCancel>(sent.back().second).run, 100U);
  runs.OnExit("low", {100, 0});
  EXPECT_EQ(results.size(), 1U) << "its late end is nobody's";
}

}  // namespace
}  // namespace bulkhead::hostd
