// SPDX-License-Identifier: GPL-2.0-or-later
/// Errors: one sentence on the error stream, nothing on the output, and the documented exit code.
#include <gmock/gmock.h>
#include <unistd.h>

#include "tests/unit/cli/cli_fixture.h"

namespace bulkhead::cli {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class ExitCodes : public CliTest {};

TEST_F(ExitCodes, FollowTheCodeThatHostdGives) {
  const std::vector<std::pair<std::string, int>> expected = {
      {"Invalid", 1},        {"NotFound", 4}, {"Exists", 1},      {"Permission", 3},
      {"Refused", 3},        {"Busy", 1},     {"Unavailable", 5}, {"Timeout", 5},
      {"OutcomeUnknown", 1}, {"Io", 1},       {"NoSuchCode", 1}};
  for (const auto& [name, code] : expected) {
    Fake().world()->failures["LendDevice"] = {name, "loop0 may not go there: see devices.toml:3"};
    Outcome outcome = Cli({"device", "lend", "loop0", "low"});
    EXPECT_EQ(code, outcome.code) << name;
    EXPECT_EQ("", outcome.out) << name;
    EXPECT_EQ("bulkhead: loop0 may not go there: see devices.toml:3\n", outcome.err) << name;
  }
}

TEST_F(ExitCodes, UsageIsTwoAndNamesTheWord) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> expected = {
      {{"statsu"}, "unknown command statsu: did you mean \"status\"?"},
      {{"device"}, "device what? Give one of: device list"},
      {{"device", "lned", "a", "b"}, "did you mean \"device lend\"?"},
      {{"start"}, "too few arguments: usage: bulkhead start"},
      {{"list", "x"}, "too many arguments, from x"},
      {{"start", "--forse", "low"}, "unknown option --forse"},
      {{"stop", "--forse", "low"}, "did you mean \"--force\"?"},
      {{"run", "low", "ls"}, "the command to run stands after --: usage: bulkhead run"},
      {{"run", "low"}, "no command to run: usage: bulkhead run"},
      {{"run", "low", "--timeout"}, "--timeout needs a value: --timeout S"},
      {{"run", "low", "--timeout", "0", "--", "ls"},
       "--timeout 0: give a whole number from 1 to 3600"},
      {{"audit", "tail", "-n", "many"}, "--lines many: give a whole number"},
      {{"stop", "--force=yes", "low"}, "--force takes no value"},
      {{"console", "low", "--json"}, "console has no JSON form"},
      {{"--nonsense"}, "unknown option --nonsense"}};
  for (const auto& [words, message] : expected) {
    Outcome outcome = RunCli(words, "");
    bool asks_hostd = words[0] == "run" || words[0] == "audit" || words[0] == "console";
    if (asks_hostd) outcome = Cli(words);
    EXPECT_EQ(kExitUsage, outcome.code) << words[0];
    EXPECT_THAT(outcome.err, StartsWith("bulkhead: "));
    EXPECT_THAT(outcome.err, HasSubstr(message));
  }
}

TEST_F(ExitCodes, NoCommandShowsHelpAndFails) {
  Outcome outcome = RunCli({}, "");
  EXPECT_EQ(kExitUsage, outcome.code);
  EXPECT_THAT(outcome.err, HasSubstr("usage: bulkhead"));
  EXPECT_EQ(kExitOk, RunCli({"--help"}, "").code);
  EXPECT_EQ(kExitOk, RunCli({"device", "lend", "-h"}, "").code);
}

TEST_F(ExitCodes, UnavailableSaysHowToStartHostd) {
  Outcome outcome = RunCli({"status"}, "unix:path=/nonexistent/bus");
  EXPECT_EQ(kExitUnavailable, outcome.code);
  EXPECT_THAT(outcome.err,
              StartsWith("bulkhead: hostd does not answer on unix:path=/nonexistent/bus"));
  EXPECT_THAT(outcome.err, HasSubstr("start it with ./try\n"));
}

TEST_F(ExitCodes, UnavailableTellsWhoIsNotRootWhomItAnswers) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to be somebody else for a moment";
  ASSERT_EQ(0, ::seteuid(65534));
  Outcome outcome = RunCli({"status"}, "unix:path=/nonexistent/bus");
  ASSERT_EQ(0, ::seteuid(0));
  EXPECT_EQ(kExitUnavailable, outcome.code);
  EXPECT_THAT(outcome.err, HasSubstr("it answers root and members of the groups bulkhead-user"));
}

TEST_F(ExitCodes, NotFoundForALevelThatIsNotThere) {
  Outcome outcome = Cli({"status", "lwo"});
  EXPECT_EQ(kExitNotFound, outcome.code);
  EXPECT_EQ("bulkhead: there is no level lwo: did you mean \"low\"?\n", outcome.err);
  EXPECT_EQ(kExitNotFound, Cli({"net", "status", "nowhere"}).code);
  EXPECT_EQ(kExitNotFound, Cli({"console", "nowhere"}).code);
}

TEST_F(ExitCodes, HelpOfAGroupIsALineForEachOfItsCommands) {
  Outcome outcome = RunCli({"help", "audit"}, "");
  EXPECT_EQ(kExitOk, outcome.code);
  EXPECT_EQ(
      "usage: bulkhead audit COMMAND [ARGUMENTS]\n\n"
      "  audit tail                  the last decisions\n"
      "  audit verify [FILE]         check the chain of the log, or of a copy of it\n\n"
      "bulkhead help audit COMMAND explains one\n",
      outcome.out);
  EXPECT_THAT(RunCli({"help", "audit", "tail"}, "").out, HasSubstr("--lines N"));
}

TEST_F(ExitCodes, RunPassesTheStatusOfTheCommand) {
  Fake().world()->run.status = 3;
  EXPECT_EQ(3, Cli({"run", "low", "--", "false"}).code);
}

TEST_F(ExitCodes, RunKeepsItsOwnFailuresApart) {
  EXPECT_EQ(kExitRunFailure, Cli({"run", "nowhere", "--", "true"}).code);
  EXPECT_EQ(kExitRunFailure, RunCli({"run", "low", "--", "true"}, "unix:path=/nonexistent").code);
  Fake().world()->failures["Run"] = {"Timeout", "the command did not end within 60 s"};
  EXPECT_EQ(kExitRunTimeout, Cli({"run", "low", "--", "sleep", "99"}).code);
}

TEST_F(ExitCodes, VersionAndHelpNeedNoDaemon) {
  EXPECT_EQ(kExitOk, RunCli({"version"}, "unix:path=/nonexistent").code);
  EXPECT_EQ(kExitOk, RunCli({"--version"}, "").code);
  EXPECT_EQ(kExitNotFound, RunCli({"help", "nonsense"}, "").code);
}

TEST_F(ExitCodes, ArgumentsReachHostdAsTheyAre) {
  Cli({"run", "--root", "--timeout=5", "low", "--", "ls", "-l", "--json", "--"});
  EXPECT_THAT(Calls(),
              testing::ElementsAre("Run('low', 'root', ['ls', '-l', '--json', '--'], 5000)"));
}

TEST_F(ExitCodes, CannotSendWordsThatAreNotUtf8) {
  EXPECT_EQ(kExitRunFailure, Cli({"run", "low", "--", "\xff"}).code);
  EXPECT_EQ(0u, Calls().size());
}

}  // namespace
}  // namespace bulkhead::cli
