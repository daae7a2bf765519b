// SPDX-License-Identifier: GPL-2.0-or-later
/// spec graph --svg, spec show and spec schema, where the golden files do not reach.
#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/unit/cli/cli_fixture.h"
#include "vmspec/base/file.h"

namespace bulkhead::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kExample = BULKHEAD_SOURCE_ROOT "/vmspec/examples/two-levels";

class SpecGraphTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = "/tmp/bulkhead-graph-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    std::filesystem::copy(kExample, folder_, std::filesystem::copy_options::recursive);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  Outcome Cli(std::vector<std::string> words) {
    words.insert(words.begin(), "spec");
    return RunCli(words, "unix:path=/nonexistent");
  }
  void Append(const std::string& file, const std::string& text) {
    std::ofstream(folder_ + "/" + file, std::ios::app) << text;
  }
  std::string folder_;
};

TEST_F(SpecGraphTest, DrawsAPictureWithGraphviz) {
  if (::access("/usr/bin/dot", X_OK) != 0) GTEST_SKIP() << "graphviz is not installed";
  std::string text = ReadFile(folder_ + "/levels/low.toml", 1 << 20).value();
  text.replace(text.find("\"Public\""), 8, "'<script>x</script>&amp; \"]'");
  std::ofstream(folder_ + "/levels/low.toml") << text;
  Outcome outcome = Cli({"graph", folder_, "--svg", folder_ + "/g.svg"});
  EXPECT_EQ(kExitOk, outcome.code) << outcome.err;
  std::string svg = ReadFile(folder_ + "/g.svg", 1 << 20).value_or("");
  EXPECT_THAT(svg, HasSubstr("&lt;script&gt;x&lt;/script&gt;&amp;amp; &quot;]"));
  EXPECT_THAT(svg, Not(HasSubstr("<script")));
  EXPECT_THAT(svg, HasSubstr("information in clear"));
  EXPECT_THAT(svg, HasSubstr("flow up"));
  EXPECT_THAT(svg, HasSubstr("#c0392b"));
}

TEST_F(SpecGraphTest, ShowsASetThatBreaksTheLatticeAndFails) {
  Append("flows.toml", "[flow.down]\nfrom = \"high\"\nto = \"low\"\nkind = \"transfer\"\n");
  Outcome outcome = Cli({"graph", folder_});
  EXPECT_EQ(kExitFailure, outcome.code);
  EXPECT_THAT(outcome.out, HasSubstr("flow down"));
  EXPECT_THAT(outcome.err, HasSubstr("error[B03"));
}

TEST_F(SpecGraphTest, ShowNamesTheLineOfAValueAndDefaults) {
  Outcome outcome = Cli({"show", folder_, "--level", "low"});
  EXPECT_EQ(kExitOk, outcome.code) << outcome.err;
  EXPECT_THAT(outcome.out, testing::ContainsRegex("resources.memory +512 MiB +levels/low.toml:10"));
  EXPECT_THAT(outcome.out, testing::ContainsRegex("resources.cpu-quota +100 +default"));
  EXPECT_THAT(outcome.out, testing::ContainsRegex("network.deny +- +default"));
  EXPECT_THAT(outcome.out, testing::ContainsRegex("network.allow +203.*levels/low.toml:18"));
}

TEST_F(SpecGraphTest, ShowHasEveryFieldOfTheLanguageAndNoOther) {
  std::string out = Cli({"show", folder_, "--level", "low"}).out;
  for (const char* field :
       {"title", "label", "uuid", "icon", "autostart", "state.encryption", "devices.fido",
        "devices.fido.relying-parties", "devices.microphone.time-limit", "display.clipboard-in",
        "key", "life-cycle.on-crash", "updates.window", "applications.remote", "roles.edit"}) {
    EXPECT_THAT(out, HasSubstr(" " + std::string(field) + " "));
  }
  EXPECT_THAT(out, Not(HasSubstr("devices.microphone.max-pages")));
}

TEST_F(SpecGraphTest, ShowOfALevelThatIsNotThereSuggestsOne) {
  Outcome outcome = Cli({"show", folder_, "--level", "lwo"});
  EXPECT_EQ(kExitNotFound, outcome.code);
  EXPECT_THAT(outcome.err, HasSubstr("did you mean \"low\"?"));
}

TEST_F(SpecGraphTest, ShowFitsATerminalOfAHundredColumns) {
  Outcome outcome = RunCli({"spec", "show", folder_}, "unix:path=/nonexistent",
                           [](Surroundings& around) { around.width = 100; });
  std::istringstream lines(outcome.out);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(DisplayWidth(line), 100U) << line;
}

TEST_F(SpecGraphTest, SchemaOfAnUnknownKindNamesTheKinds) {
  Outcome outcome = Cli({"schema", "levels"});
  EXPECT_EQ(kExitNotFound, outcome.code);
  EXPECT_THAT(outcome.err, HasSubstr("\"level\", \"flows\""));
}

}  // namespace
}  // namespace bulkhead::cli
