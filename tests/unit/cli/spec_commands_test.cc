// SPDX-License-Identifier: GPL-2.0-or-later
#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "hostd/bus/spec_variants.h"
#include "hostd/cli/json.h"
#include "tests/unit/cli/cli_fixture.h"

namespace bulkhead::cli {
namespace {

using testing::HasSubstr;

constexpr const char* kExample = BULKHEAD_SOURCE_ROOT "/vmspec/examples/two-levels";

class SpecCommands : public CliTest {
 protected:
  void SetUp() override {
    CliTest::SetUp();
    std::string pattern = "/tmp/bulkhead-spec-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    std::filesystem::copy(kExample, folder_, std::filesystem::copy_options::recursive);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  void Append(const std::string& file, const std::string& text) {
    std::ofstream(folder_ + "/" + file, std::ios::app) << text;
  }
  std::string folder_;
};

TEST_F(SpecCommands, CheckShowsAFaultLikeACompilerAndFails) {
  Append("host.toml", "\nmemmory = 3\n");
  Outcome outcome = RunCli({"spec", "check", folder_}, "unix:path=/nonexistent");
  EXPECT_EQ(kExitFailure, outcome.code);
  EXPECT_THAT(outcome.out, HasSubstr("memmory"));
  EXPECT_THAT(outcome.out, HasSubstr("host.toml:"));
}

TEST_F(SpecCommands, CheckAsJsonNamesPlaceAndCode) {
  Append("host.toml", "\nmemmory = 3\n");
  Outcome outcome = RunCli({"spec", "check", folder_, "--json"}, "");
  auto json = ParseJson(outcome.out);
  ASSERT_TRUE(json) << outcome.out;
  EXPECT_EQ("false", json->Find("ok")->Text());
  const Json& first = json->Find("diagnostics")->items()->at(0);
  EXPECT_EQ("host.toml", first.Find("file")->Text());
  EXPECT_TRUE(first.Find("code")->Text().starts_with("B"));
}

TEST_F(SpecCommands, ApplyDoesNotBotherHostdWithAFaultySet) {
  Append("host.toml", "\nmemmory = 3\n");
  EXPECT_EQ(kExitFailure, Cli({"spec", "apply", folder_}).code);
  EXPECT_EQ(0u, Calls().size());
}

TEST_F(SpecCommands, ApplySendsEveryFile) {
  Outcome outcome = Cli({"spec", "apply", folder_});
  EXPECT_EQ(kExitOk, outcome.code) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("Applied as version"));
  ASSERT_EQ(1u, Calls().size());
  EXPECT_THAT(Calls()[0], HasSubstr("'levels/low.toml': "));
}

TEST_F(SpecCommands, ApplyFailsWhenHostdFindsAFault) {
  Fake().world()->diagnostics =
      "[('B0900', 'no image debian-13 is installed', 'levels/low.toml', uint32 5, uint32 1, uint32 "
      "1, "
      "'', 'install it', false, @a(sus) [])]";
  Outcome outcome = Cli({"spec", "apply", folder_});
  EXPECT_EQ(kExitFailure, outcome.code);
  EXPECT_THAT(outcome.out, HasSubstr("no image debian-13 is installed"));
  EXPECT_THAT(outcome.out, testing::Not(HasSubstr("Applied as version")));
}

TEST_F(SpecCommands, ApplySaysWhatNeedsARestart) {
  Fake().world()->apply_result =
      "@a{sv} {'version': <uint32 7>, 'restart-needed': <{'high': ['memory', 'image']}>,"
      " 'notes': <['versions 1 to 2 dropped']>}";
  Outcome outcome = Cli({"spec", "apply", folder_, "-m", "more memory"});
  EXPECT_THAT(outcome.out, HasSubstr("Applied as version 7.\n"
                                     "high: restart needed: memory, image\n"
                                     "versions 1 to 2 dropped\n"));
  EXPECT_THAT(Calls()[0], HasSubstr("{'comment': <'more memory'>}"));
  auto json = ParseJson(Cli({"--json", "spec", "apply", folder_}).out);
  ASSERT_TRUE(json);
  EXPECT_EQ("7", json->Find("version")->Text());
  EXPECT_EQ("image", json->Find("restart_needed")->Find("high")->items()->at(1).Text());
}

/// A way of six steps, each with its own place.
constexpr char kAgainstTheLattice[] =
    BULKHEAD_SOURCE_ROOT "/tests/spec-sets/against-the-lattice/opened-after-five-kinds-6-steps";

std::string Printed(GVariant* floating) {
  VariantPtr value(g_variant_ref_sink(floating));
  char* text = g_variant_print(value.get(), TRUE);
  std::string out = text;
  g_free(text);
  return out;
}

TEST_F(SpecCommands, WhatHostdFindsIsPrintedAsWhatCheckFinds) {
  auto files = vmspec::ReadSpecFolder(kAgainstTheLattice);
  ASSERT_TRUE(files);
  vmspec::CheckedSpec checked = vmspec::CheckSpec(*files);
  Fake().world()->spec = Printed(hostd::ToVariant(*files));
  Fake().world()->diagnostics = Printed(hostd::ToVariant(checked.diagnostics));
  for (const std::vector<std::string>& form : {std::vector<std::string>{}, {"--json"}}) {
    auto run = [&](std::vector<std::string> words) {
      words.insert(words.begin(), form.begin(), form.end());
      return Cli(words);
    };
    Outcome check = run({"spec", "check", kAgainstTheLattice});
    EXPECT_THAT(check.out, HasSubstr(form.empty() ? " = 6: " : "\"notes\": [\n"));
    // hostd judges a set with a fault only where the CLI does not have it: in the history.
    Outcome rollback = run({"spec", "rollback", "3"});
    EXPECT_EQ(check.out, rollback.out);
    EXPECT_EQ(kExitFailure, rollback.code);
  }
}

TEST_F(SpecCommands, CannotWriteToTheTerminalThroughANoteOfHostd) {
  Fake().world()->diagnostics =
      "[('B0301', 'm', 'flows.toml', uint32 1, uint32 1, uint32 4294967295, 'l', 'h', false, "
      "[('a\x1b]0;', uint32 1, 'n\x1b[2J'), ('', 0, '\u202e')])]";
  Outcome outcome = Cli({"spec", "apply", folder_});
  EXPECT_THAT(outcome.out, HasSubstr("\\x1B[2J"));
  EXPECT_THAT(outcome.out, testing::Not(HasSubstr("\x1b")));
  EXPECT_THAT(outcome.out, testing::Not(HasSubstr("\u202e")));
}

TEST_F(SpecCommands, RollbackNamesTheVersionAndSaysWhy) {
  Outcome outcome = Cli({"spec", "rollback", "3", "--message", "it was better"});
  EXPECT_EQ(kExitOk, outcome.code) << outcome.err;
  EXPECT_EQ(Calls()[0], "Rollback(3, {'comment': <'it was better'>})");
  EXPECT_EQ(kExitUsage, Cli({"spec", "rollback", "0"}).code);
  EXPECT_EQ(kExitUsage, Cli({"spec", "rollback", "x"}).code);
}

TEST_F(SpecCommands, ShowAsksForTheVersionThatWasNamed) {
  Cli({"spec", "show", "--version", "3"});
  EXPECT_EQ(Calls()[0], "GetSpecVersion(3,)");
  EXPECT_EQ(kExitUsage, Cli({"spec", "show", "--version", "-1"}).code);
}

TEST_F(SpecCommands, HistoryMakesAHostileCommentHarmless) {
  Fake().world()->history = {{{"version", "uint32 2"},
                              {"actor", "'uid:0'"},
                              {"comment", "'\\x1b[2J\\u202egnp.exe'"},
                              {"damage", "'its \\x1b]0; content'"}}};
  Outcome outcome = Cli({"spec", "history"});
  EXPECT_THAT(outcome.out, HasSubstr("gnp.exe"));
  EXPECT_THAT(outcome.out, testing::Not(HasSubstr("\x1b")));
  EXPECT_THAT(outcome.out, testing::Not(HasSubstr("\u202e")));
  EXPECT_THAT(outcome.out, HasSubstr("Version 1 dropped"));
}

TEST_F(SpecCommands, LowerNeedsNoDaemonForAFolder) {
  Outcome outcome = RunCli({"spec", "lower", "low", folder_}, "unix:path=/nonexistent");
  EXPECT_EQ(kExitOk, outcome.code) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("<name>bulkhead-low</name>"));
  EXPECT_THAT(outcome.out, HasSubstr("table inet bulkhead {"));
  EXPECT_THAT(outcome.out, HasSubstr("diode-send@up uid 1879130001"));
}

TEST_F(SpecCommands, LowerShowsTheFaultsOfASetThatHasSome) {
  Append("host.toml", "\nmemmory = 3\n");
  Outcome outcome = RunCli({"spec", "lower", "low", folder_}, "");
  EXPECT_NE(kExitOk, outcome.code);
  EXPECT_EQ("", outcome.out);
  EXPECT_THAT(outcome.err, HasSubstr("memmory"));
}

TEST_F(SpecCommands, LowerFindsTheLevelThatWasMeant) {
  Outcome outcome = RunCli({"spec", "lower", "lwo", folder_}, "");
  EXPECT_EQ(kExitNotFound, outcome.code);
  EXPECT_THAT(outcome.err, HasSubstr("did you mean \"low\"?"));
}

TEST_F(SpecCommands, CannotWriteToTheTerminalThroughATitle) {
  std::string path = folder_ + "/levels/low.toml";
  std::string text =
      "schema = 1\ntitle = \"a\\u202Eb\"\nlabel = { rank = 0 }\nimage = \"minimal\"\n";
  std::ofstream(path, std::ios::trunc) << text;
  Outcome outcome = RunCli({"spec", "lower", "low", folder_}, "");
  EXPECT_EQ(std::string::npos, outcome.out.find("\xE2\x80\xAE"));
}

TEST_F(SpecCommands, AFolderThatIsNotThereIsNotFound) {
  EXPECT_EQ(kExitNotFound, RunCli({"spec", "check", folder_ + "/none"}, "").code);
}

}  // namespace
}  // namespace bulkhead::cli
