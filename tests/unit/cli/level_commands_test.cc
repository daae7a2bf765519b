// SPDX-License-Identifier: GPL-2.0-or-later
#include <gmock/gmock.h>

#include "hostd/cli/follow.h"
#include "hostd/cli/json.h"
#include "tests/unit/cli/cli_fixture.h"

namespace bulkhead::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::MatchesRegex;

FakeDict State(const char* state, int since, const char* step = "", const char* reason = "") {
  auto quoted = [](const char* text) { return "'" + std::string(text) + "'"; };
  return {{"state", quoted(state)},
          {"since", "uint64 " + std::to_string(since)},
          {"step", quoted(step)},
          {"reason", quoted(reason)}};
}

class LevelCommands : public CliTest {
 protected:
  /// Gives `level` a state now and the states it will walk through.
  static void Script(const std::string& level, const FakeDict& now, std::vector<FakeDict> walk) {
    auto world = Fake().world();
    for (const auto& [key, value] : now) world->levels[level][key] = value;
    world->walks[level] = std::move(walk);
  }
};

TEST_F(LevelCommands, StartWaitsUntilTheLevelRuns) {
  Script("low", State("stopped", 1),
         {State("starting", 2, "network"), State("starting", 2, "boot"), State("running", 3)});
  Outcome outcome = Cli({"start", "low"});
  EXPECT_EQ(kExitOk, outcome.code) << outcome.err;
  EXPECT_THAT(outcome.out, MatchesRegex(R"(low is running \([0-9]+\.[0-9] s\)
)"));
  EXPECT_EQ("", outcome.err);
}

TEST_F(LevelCommands, StartSaysStepReasonAndExitsOneOnFailure) {
  Script(
      "low", State("stopped", 1),
      {State("starting", 2, "network"), State("failed", 3, "network", "netd is away: start it")});
  Outcome outcome = Cli({"start", "low"});
  EXPECT_EQ(kExitFailure, outcome.code);
  EXPECT_EQ("bulkhead: low did not start: step network: netd is away: start it\n", outcome.err);
}

TEST_F(LevelCommands, AStartThatAStopOvertookSaysSo) {
  Script("low", State("stopped", 1), {State("starting", 2, "network"), State("stopped", 3)});
  Outcome outcome = Cli({"start", "low"});
  EXPECT_EQ(kExitFailure, outcome.code);
  EXPECT_EQ("bulkhead: low did not start: somebody stopped it meanwhile\n", outcome.err);
}

TEST_F(LevelCommands, AStopThatAStartOvertookEndsAndSaysSo) {
  Script("low", State("running", 1), {State("running", 4, "", "unheard")});
  Outcome outcome = Cli({"stop", "low"});
  EXPECT_EQ(kExitFailure, outcome.code);
  EXPECT_EQ("bulkhead: low did not stop: somebody started it again meanwhile\n", outcome.err);
}

TEST_F(LevelCommands, StartTellsAnOldFailureFromANewOne) {
  Script("low", State("failed", 1, "boot", "old"),
         {State("starting", 2, "boot"), State("running", 3)});
  EXPECT_EQ(kExitOk, Cli({"start", "low"}).code);
}

TEST_F(LevelCommands, StartShowsStepsOnATerminal) {
  Script("low", State("stopped", 1), {State("starting", 2, "network"), State("running", 3)});
  Outcome outcome = Cli({"start", "low"}, [](Surroundings& around) { around.err_is_tty = true; });
  EXPECT_THAT(outcome.err, HasSubstr("low: network 0."));
  EXPECT_TRUE(outcome.err.ends_with("\r\033[K")) << "the line is cleared at the end";
}

TEST_F(LevelCommands, StartPausedEndsAtThePause) {
  Script("low", State("stopped", 1), {State("starting", 2, "paused")});
  Outcome outcome = Cli({"start", "--paused", "low"});
  EXPECT_EQ(kExitOk, outcome.code);
  EXPECT_THAT(outcome.out, HasSubstr("low is paused ("));
  EXPECT_THAT(Calls(), ElementsAre("Start('low', {'paused': <true>})"));
}

TEST_F(LevelCommands, StopWaitsAndPassesForce) {
  Script("low", State("running", 1), {State("stopping", 2), State("stopped", 3)});
  Outcome outcome = Cli({"stop", "--force", "low"});
  EXPECT_EQ(kExitOk, outcome.code);
  EXPECT_THAT(outcome.out, HasSubstr("low is stopped ("));
  EXPECT_THAT(Calls(), ElementsAre("Stop('low', {'force': <true>})"));
}

TEST_F(LevelCommands, StopAllStopsWhatIsUpAndNothingElse) {
  Script("low", State("running", 1), {State("stopped", 3)});
  Script("high", State("failed", 1, "boot", "old"), {});
  Outcome outcome = Cli({"stop", "--all"});
  EXPECT_EQ(kExitOk, outcome.code) << outcome.err;
  EXPECT_THAT(Calls(), ElementsAre("Stop('low', {})"));
}

TEST_F(LevelCommands, StopAllIsContentWhenNothingIsUp) {
  Script("low", State("stopped", 1), {});
  Script("high", State("stopped", 1), {});
  EXPECT_EQ(kExitOk, Cli({"stop", "--all"}).code);
  EXPECT_THAT(Calls(), ElementsAre());
}

TEST_F(LevelCommands, StopWantsNamesOrAllAndNotBoth) {
  EXPECT_EQ(kExitUsage, Cli({"stop"}).code);
  EXPECT_EQ(kExitUsage, Cli({"stop", "--all", "low"}).code);
}

TEST_F(LevelCommands, RestartIsNotContentWithTheOldRun) {
  Script("low", State("running", 1),
         {State("stopping", 2), State("stopped", 3), State("starting", 4, "boot"),
          State("running", 5)});
  Outcome outcome = Cli({"--json", "restart", "low"});
  EXPECT_EQ(kExitOk, outcome.code) << outcome.err;
  EXPECT_EQ("uint64 5", Fake().world()->levels["low"]["since"]);
}

TEST_F(LevelCommands, OneMisspeltNameStartsNothing) {
  Outcome outcome = Cli({"start", "low", "hihg"});
  EXPECT_EQ(kExitNotFound, outcome.code);
  EXPECT_EQ("bulkhead: there is no level hihg: did you mean \"high\"?\n", outcome.err);
  EXPECT_THAT(Calls(), ElementsAre());
}

TEST_F(LevelCommands, ResultOfStartAsJson) {
  Script("low", State("stopped", 1), {State("failed", 3, "boot", "no hello")});
  Outcome outcome = Cli({"start", "low", "--json"});
  auto json = ParseJson(outcome.out);
  ASSERT_TRUE(json);
  const Json& level = json->Find("levels")->items()->at(0);
  EXPECT_EQ("failed", level.Find("state")->Text());
  EXPECT_EQ("no hello", level.Find("reason")->Text());
  EXPECT_EQ(kExitFailure, outcome.code);
}

TEST_F(LevelCommands, WaitAndNoWaitExcludeEachOther) {
  EXPECT_EQ(kExitUsage, Cli({"start", "--wait", "--no-wait", "low"}).code);
}

TEST(Judge, AFreshFailureIsAnEndAndAnOldOneIsNot) {
  Sight old{"failed", "boot", "x", 5};
  EXPECT_EQ(std::nullopt, Judge(Goal::kRunning, old, old, false));
  EXPECT_EQ(false, Judge(Goal::kRunning, old, old, true));
  EXPECT_EQ(false, Judge(Goal::kRunning, old, {"failed", "boot", "x", 6}, false));
}

TEST(Judge, PausedIsNoEndOfAnOrdinaryStart) {
  Sight before{"stopped", "", "", 1};
  EXPECT_EQ(std::nullopt, Judge(Goal::kRunning, before, {"starting", "paused", "", 2}, true));
  EXPECT_EQ(true, Judge(Goal::kPaused, before, {"starting", "paused", "", 2}, true));
}

TEST(Judge, ALevelThatStopsWhileItIsStartedDidNotStart) {
  Sight before{"stopped", "", "", 1};
  EXPECT_EQ(false, Judge(Goal::kRunning, before, {"stopped", "", "", 9}, false));
}

}  // namespace
}  // namespace bulkhead::cli
