// SPDX-License-Identifier: GPL-2.0-or-later
#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/unit/cli/cli_fixture.h"
#include "vmspec/base/file.h"
#include "vmspec/format.h"
#include "vmspec/spec.h"

namespace bulkhead::cli {
namespace {

using testing::HasSubstr;

class SpecNewTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = "/tmp/bulkhead-new-XXXXXX";
    top_ = ::mkdtemp(pattern.data());
    folder_ = top_ + "/set";
  }
  void TearDown() override { std::filesystem::remove_all(top_); }

  Outcome New(std::vector<std::string> words, const std::string& typed = "",
              bool terminal = false) {
    words.insert(words.begin(), {"spec", "new", "--folder", folder_});
    int ends[2];
    EXPECT_EQ(0, ::pipe(ends));
    EXPECT_EQ(static_cast<ssize_t>(typed.size()), ::write(ends[1], typed.data(), typed.size()));
    ::close(ends[1]);
    Outcome outcome = RunCli(words, "unix:path=/nonexistent", [&](Surroundings& around) {
      around.in_fd = ends[0];
      around.in_is_tty = around.out_is_tty = terminal;
    });
    ::close(ends[0]);
    return outcome;
  }
  std::string Text(const std::string& file) {
    return ReadFile(folder_ + "/" + file, 1 << 20).value_or("not there");
  }
  vmspec::CheckedSpec Checked() {
    return vmspec::CheckSpec(vmspec::ReadSpecFolder(folder_).value());
  }
  std::string top_, folder_;
};

TEST_F(SpecNewTest, MakesASetThatChecksClean) {
  Outcome outcome = New({"public"});
  EXPECT_EQ(kExitOk, outcome.code) << outcome.out << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("0 errors, 0 warnings in 2 files (1 level, 0 flows)."));
  EXPECT_THAT(outcome.out, HasSubstr("bulkhead spec apply " + folder_));
  vmspec::CheckedSpec checked = Checked();
  ASSERT_TRUE(checked.ok() && checked.diagnostics.empty());
  EXPECT_EQ("Public", checked.spec.levels.at("public").title);
  EXPECT_EQ(0, checked.spec.levels.at("public").label.rank);
}

TEST_F(SpecNewTest, WritesWhatTheOptionsSay) {
  Outcome outcome =
      New({"office", "--title", "The \"office\"", "--rank=1", "--compartments", "hq, crypto",
           "--colour", "#123456", "--image", "desktop", "--memory", "2 GiB"});
  ASSERT_EQ(kExitOk, outcome.code) << outcome.out << outcome.err;
  vmspec::SpecSet spec = Checked().spec;
  const vmspec::Level& level = spec.levels.at("office");
  EXPECT_EQ("The \"office\"", level.title);
  EXPECT_EQ((vmspec::Label{1, {"crypto", "hq"}}), level.label);
  EXPECT_EQ("#123456", level.colour);
  EXPECT_EQ("desktop", level.image);
  EXPECT_EQ(2048U, level.memory_mib);
}

TEST_F(SpecNewTest, ItsFilesAreInTheCanonicalLayoutAndSoIsWhatTheyCommentOut) {
  ASSERT_EQ(kExitOk, New({"public"}).code);
  for (const char* file : {"levels/public.toml", "host.toml"}) {
    std::string text = Text(file);
    EXPECT_EQ(vmspec::FormatToml(file, text).value_or("refused"), text);
    std::string live;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      bool key = line.starts_with("# ") && (line.find(" = ") != line.npos || line.ends_with("]"));
      bool rule = line.starts_with("#   {");
      live += (key || rule ? line.substr(2) : line) + "\n";
    }
    if (auto at = live.find("NAME"); at != live.npos) live.replace(at, 4, "out");
    std::ofstream(folder_ + "/" + file) << live;
  }
  std::ofstream(folder_ + "/networks.toml")
      << "schema = 1\n[uplink.out]\nkind = \"nat\"\ninterface = \"eth0\"\nlabel = { rank = 0 }\n";
  vmspec::CheckedSpec checked = Checked();
  EXPECT_TRUE(checked.ok()) << vmspec::FormatDiagnostics(vmspec::ReadSpecFolder(folder_).value(),
                                                         checked, false);
  EXPECT_EQ(1U, checked.spec.levels.at("public").network.allow.size());
  EXPECT_TRUE(checked.spec.host.allow_tcg);
}

TEST_F(SpecNewTest, ProposesAColourThatNoLevelHasAndTheImageOfTheOthers) {
  ASSERT_EQ(kExitOk, New({"one", "--image", "desktop"}).code);
  ASSERT_EQ(kExitOk, New({"two"}).code);
  vmspec::SpecSet spec = Checked().spec;
  EXPECT_NE(spec.levels.at("one").colour, spec.levels.at("two").colour);
  EXPECT_EQ("desktop", spec.levels.at("two").image);
}

TEST_F(SpecNewTest, AsksOnATerminalAndAsksAgainWhenTheAnswerIsWrong) {
  Outcome outcome =
      New({"office", "--image", "desktop"}, "\nmany\n2\n\nred\n#102030\n1 GiB\n\n", true);
  EXPECT_EQ(kExitOk, outcome.code) << outcome.out << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("Title [Office]: "));
  EXPECT_THAT(outcome.out, HasSubstr("Compartments [none]: "));
  EXPECT_THAT(outcome.out, HasSubstr("give a whole number from 0 to 1000"));
  EXPECT_THAT(outcome.out, testing::Not(HasSubstr("Image [")));
  vmspec::SpecSet spec = Checked().spec;
  const vmspec::Level& level = spec.levels.at("office");
  EXPECT_EQ(2, level.label.rank);
  EXPECT_EQ("#102030", level.colour);
  EXPECT_EQ(1024U, level.memory_mib);
}

TEST_F(SpecNewTest, TakesWhatStandsInBracketsAlsoWhenItIsTyped) {
  Outcome outcome = New({"office"}, "\n\nnone\n\n\n\nnone\n", true);
  EXPECT_EQ(kExitOk, outcome.code) << outcome.out << outcome.err;
  vmspec::SpecSet spec = Checked().spec;
  EXPECT_TRUE(spec.levels.at("office").label.compartments.empty());
  EXPECT_EQ("", spec.levels.at("office").network.uplink);
}

TEST_F(SpecNewTest, TellsAWrongOptionOnceAndAsAWrongCommandLine) {
  Outcome outcome = New({"office", "--rank", "high"});
  EXPECT_EQ(kExitUsage, outcome.code);
  EXPECT_EQ("bulkhead: --rank: rank high: give a whole number from 0 to 1000\n", outcome.err);
}

TEST_F(SpecNewTest, WritesNothingWhenThePersonGoesAway) {
  Outcome outcome = New({"office"}, "Title\n", true);
  EXPECT_EQ(kExitFailure, outcome.code);
  EXPECT_THAT(outcome.err, HasSubstr("nothing was written"));
  EXPECT_FALSE(std::filesystem::exists(folder_));
}

TEST_F(SpecNewTest, CannotOverwriteALevel) {
  ASSERT_EQ(kExitOk, New({"office"}).code);
  std::string before = Text("levels/office.toml");
  Outcome outcome = New({"office", "--rank", "3"});
  EXPECT_EQ(kExitFailure, outcome.code);
  EXPECT_THAT(outcome.err, HasSubstr("is there already; it was not changed"));
  EXPECT_EQ(before, Text("levels/office.toml"));
}

TEST_F(SpecNewTest, CannotWriteThroughALinkThatTheSetDoesNotRead) {
  std::filesystem::create_directories(folder_ + "/levels");
  std::ofstream(folder_ + "/host.toml") << "schema = 1\n";
  std::filesystem::create_symlink(top_ + "/victim", folder_ + "/levels/office.toml");
  EXPECT_NE(kExitOk, New({"office"}).code);
  EXPECT_FALSE(std::filesystem::exists(top_ + "/victim"));
}

TEST_F(SpecNewTest, CannotTakeANameThatIsNone) {
  for (const char* name : {"Office", "../x", "", "1a", "a_b", "a.b"}) {
    Outcome outcome = New({name});
    EXPECT_EQ(kExitUsage, outcome.code) << name;
    EXPECT_THAT(outcome.err, HasSubstr("a name has 1 to 31 of a-z, 0-9"));
  }
  EXPECT_FALSE(std::filesystem::exists(folder_));
}

TEST_F(SpecNewTest, CannotPutMoreThanATitleIntoTheFile) {
  for (const char* title : {"a\nimage = \"x\"", "\\u0041", "a\x1b[31m", ""}) {
    EXPECT_EQ(kExitUsage, New({"office", "--title", title}).code);
  }
  ASSERT_EQ(kExitOk, New({"office", "--title", "\" # ' \"]"}).code);
  EXPECT_EQ("\" # ' \"]", Checked().spec.levels.at("office").title);
}

TEST_F(SpecNewTest, KnowsTheUplinksOfTheSet) {
  ASSERT_EQ(kExitOk, New({"one"}).code);
  std::ofstream(folder_ + "/networks.toml")
      << "schema = 1\n[uplink.office]\nkind = \"nat\"\ninterface = \"eth0\"\nlabel = { rank = 0 "
         "}\n";
  Outcome outcome = New({"two", "--uplink", "ofice"});
  EXPECT_EQ(kExitNotFound, outcome.code);
  EXPECT_THAT(outcome.err, HasSubstr("did you mean \"office\"?"));
  EXPECT_EQ(kExitOk, New({"two", "--uplink", "office"}).code);
  EXPECT_EQ("office", Checked().spec.levels.at("two").network.uplink);
}

TEST_F(SpecNewTest, CannotLitterAFolderThatHoldsNoSet) {
  std::filesystem::create_directories(folder_);
  std::ofstream(folder_ + "/thesis.txt") << "x";
  Outcome outcome = New({"office"});
  EXPECT_EQ(kExitRefused, outcome.code);
  EXPECT_THAT(outcome.err, HasSubstr("--folder DIR"));
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/levels"));
}

TEST_F(SpecNewTest, AsJsonSaysWhatItWrote) {
  auto json = ParseJson(New({"--json", "office"}).out);
  ASSERT_TRUE(json);
  EXPECT_EQ("true", json->Find("ok")->Text());
  EXPECT_EQ(2U, json->Find("written")->items()->size());
}

}  // namespace
}  // namespace bulkhead::cli
