// SPDX-License-Identifier: GPL-2.0-or-later
/// Whatever hostd was made to say by a guest, no escape reaches the terminal.
#include <gmock/gmock.h>

#include <algorithm>
#include <fstream>

#include "hostd/cli/json.h"
#include "tests/unit/cli/cli_fixture.h"

namespace bulkhead::cli {
namespace {

/// Escape, C1 CSI, right-to-left override, zero width, line end; in GVariant's text form and as
/// UTF-8.
constexpr const char* kEvilText = R"('a\u001b[2J\u009b31m\u202eb\u200b\nc')";
constexpr const char* kEvilUtf8 = "a\x1b[2J\xc2\x9b\x33\x31m\xe2\x80\xae\x62\xe2\x80\x8b\nc";

/// Printable text and line ends, nothing else.
bool IsHarmless(const std::string& text) {
  const std::vector<std::string> evil = {"\x1b", "\xc2\x9b", "\xe2\x80\xae", "\xe2\x80\x8b"};
  return std::ranges::none_of(evil, [&](const std::string& e) { return text.contains(e); });
}

class Hostile : public CliTest {
 protected:
  void SetUp() override {
    CliTest::SetUp();
    if (IsSkipped()) return;
    auto world = Fake().world();
    auto poison = [](FakeDict& dict) {
      for (auto& [key, value] : dict) {
        if (value.starts_with("'") && key != "state") value = kEvilText;
        if (value.starts_with("[") || value.starts_with("@as"))
          value = "[" + std::string(kEvilText) + "]";
      }
    };
    for (auto& [name, level] : world->levels) poison(level);
    for (auto& device : world->devices) poison(device);
    for (auto& flow : world->flows) poison(flow);
    for (auto& net : world->networks) poison(net);
    world->networks[0]["counters"] = "[(" + std::string(kEvilText) + ", uint64 1, uint64 2)]";
    world->acceleration = "tcg";
    world->acceleration_reason = kEvilUtf8;
    world->version = kEvilUtf8;
    world->services = "{" + std::string(kEvilText) + ": " + kEvilText + "}";
    world->spec = "{" + std::string(kEvilText) + ": " + kEvilText + "}";
    world->audit_lines = "[" + std::string(kEvilText) +
                         R"(, '{"time":"\\u001b[2J","actor":"\\u202e","detail":{"k":"\\u009b"}}'])";
    world->audit_verdict = "{'ok': <false>, 'reason': <" + std::string(kEvilText) +
                           ">, 'last-hash': <" + kEvilText + ">}";
  }
};

TEST_F(Hostile, CannotReachTheTerminalThroughAnyCommand) {
  const std::vector<std::vector<std::string>> commands = {
      {"status"},       {"status", "low"}, {"list"},          {"device", "list"},
      {"flow", "list"}, {"net", "status"}, {"audit", "tail"}, {"audit", "verify"},
      {"spec", "show"}, {"version"},       {"doctor"}};
  for (auto words : commands) {
    for (bool json : {false, true}) {
      if (json) words.emplace_back("--json");
      Outcome outcome = Cli(words);
      EXPECT_NE("", outcome.out + outcome.err);
      EXPECT_TRUE(IsHarmless(outcome.out)) << words[0] << ": " << outcome.out;
      EXPECT_TRUE(IsHarmless(outcome.err)) << words[0] << ": " << outcome.err;
      EXPECT_TRUE(!json || ParseJson(outcome.out)) << words[0] << outcome.out;
    }
  }
}

TEST_F(Hostile, CannotBreakARowInTwo) {
  Outcome outcome = Cli({"list"});
  EXPECT_EQ(3, std::ranges::count(outcome.out, '\n')) << outcome.out;
}

TEST_F(Hostile, JsonStillCarriesTheTrueText) {
  auto json = ParseJson(Cli({"list", "--json"}).out);
  ASSERT_TRUE(json);
  EXPECT_EQ(kEvilUtf8, json->Find("levels")->items()->at(0).Find("title")->Text());
}

TEST_F(Hostile, CannotSpeakThroughAnErrorMessage) {
  Fake().world()->failures["ListFlows"] = {"Io", kEvilUtf8};
  Outcome outcome = Cli({"flow", "list"});
  EXPECT_TRUE(IsHarmless(outcome.err)) << outcome.err;
  EXPECT_EQ(1, std::ranges::count(outcome.err, '\n'));
}

TEST_F(Hostile, CannotDriveTheTerminalByTheOutputOfRun) {
  Fake().world()->run = {0, "\033]0;evil\a\xc2\x9b\xffok\n", "\033[2J"};
  Outcome outcome = Cli({"run", "low", "--", "x"});
  EXPECT_EQ("\\x1B]0;evil\\x07\\xC2\\x9B\\xFFok\n", outcome.out);
  EXPECT_EQ("\\x1B[2J", outcome.err);
}

TEST_F(Hostile, RawOutputOfRunOnlyWhereNoTerminalReadsIt) {
  Fake().world()->run = {0, "\033[2J", ""};
  EXPECT_EQ("\033[2J", Cli({"run", "--raw", "low", "--", "x"}).out);
  auto terminal = [](Surroundings& around) { around.out_is_tty = true; };
  EXPECT_EQ("\\x1B[2J", Cli({"run", "--raw", "low", "--", "x"}, terminal).out);
}

TEST_F(Hostile, CannotSpeakThroughTheProgressOfAStart) {
  {
    auto world = Fake().world();
    world->levels["low"]["state"] = "'stopped'";
    world->walks["low"] = {{{"state", "'starting'"}, {"step", kEvilText}, {"since", "uint64 2"}},
                           {{"state", "'failed'"}, {"reason", kEvilText}, {"since", "uint64 3"}}};
  }
  Outcome outcome = Cli({"start", "low"}, [](Surroundings& around) { around.err_is_tty = true; });
  EXPECT_EQ(kExitFailure, outcome.code);
  std::string err = outcome.err;
  for (auto at = err.find("\033[K"); at != std::string::npos; at = err.find("\033[K"))
    err.erase(at, 3);
  EXPECT_TRUE(IsHarmless(err)) << err;
}

TEST_F(Hostile, NaughtyStringsStayInTheirCells) {
  const char* corpora = std::getenv("BULKHEAD_CORPORA");
  std::string folder = corpora != nullptr ? corpora : BULKHEAD_SOURCE_ROOT "/../shared/corpora";
  std::ifstream file(folder + "/naughty-strings/blns.txt");
  if (!file) GTEST_SKIP() << "no naughty strings at " << folder;
  for (std::string line; std::getline(file, line);) {
    Table table({"A", "B"});
    table.Add({line, "end"});
    std::string text = table.Format(0, false);
    EXPECT_EQ(2, std::ranges::count(text, '\n')) << text;
    EXPECT_EQ(std::string::npos, text.find('\x1b'));
    EXPECT_EQ(line, ParseJson(Json(line).Dump(0)).value_or(Json()).Text());
  }
}

}  // namespace
}  // namespace bulkhead::cli
