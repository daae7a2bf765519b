// SPDX-License-Identifier: GPL-2.0-or-later
#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/unit/cli/cli_fixture.h"

namespace bulkhead::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

class SpecDiffTest : public CliTest {
 protected:
  void SetUp() override {
    CliTest::SetUp();
    std::string pattern = "/tmp/bulkhead-diff-XXXXXX";
    old_ = ::mkdtemp(pattern.data());
    new_ = old_ + "/new";
    Write("old/host.toml", "schema = 2\n");
    Write("old/levels/low.toml", Level("0"));
    Write("new/host.toml", "schema = 2\n# a comment is no meaning\n");
    Write("new/levels/low.toml", Level("0"));
    top_ = old_;
    old_ += "/old";
  }
  void TearDown() override { std::filesystem::remove_all(top_); }
  static std::string Level(const std::string& rank) {
    return "schema = 2\nlabel = { rank = " + rank + " }\nimage = \"minimal\"\n";
  }
  void Write(const std::string& file, const std::string& text) {
    std::filesystem::path path = (top_.empty() ? old_ : top_) + "/" + file;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  Outcome Diff(std::vector<std::string> words) {
    words.insert(words.begin(), {"spec", "diff"});
    return Cli(words);
  }
  std::string top_, old_, new_;
};

TEST_F(SpecDiffTest, OfSetsThatMeanTheSameExitsWithZero) {
  Outcome outcome = Diff({old_, new_});
  EXPECT_EQ(0, outcome.code) << outcome.err;
  EXPECT_EQ("No difference in meaning.\n", outcome.out);
  EXPECT_EQ(0u, Calls().size()) << "two folders need no daemon";
}

TEST_F(SpecDiffTest, OfSetsThatDifferExitsWithOneAndTellsWhatOpensFirst) {
  Write("new/levels/low.toml",
        Level("0") + "[resources]\nmemory = \"1 GiB\"\n" + "[devices]\nstorage = \"manual\"\n");
  Outcome outcome = Diff({old_, new_});
  EXPECT_EQ(1, outcome.code);
  EXPECT_THAT(outcome.out, HasSubstr("devices.storage: none -> manual"));
  EXPECT_THAT(outcome.out, HasSubstr("levels/low.toml:7"));
  EXPECT_LT(outcome.out.find("OPENS"), outcome.out.find("CHANGES"));
  EXPECT_THAT(outcome.out, HasSubstr("need a restart for all of it: \"low\""));
}

TEST_F(SpecDiffTest, WithOneFolderComparesWithTheAppliedSet) {
  Fake().world()->spec =
      "{'host.toml': 'schema = 2', 'levels/gone.toml': 'schema = 2\nlabel = {rank = 1}\nimage = "
      "\"minimal\"'}";
  Outcome outcome = Diff({new_});
  EXPECT_EQ(1, outcome.code) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("is gone: label 1"));
  EXPECT_THAT(outcome.out, HasSubstr("level low"));
  Outcome back = Diff({new_, "applied"});
  EXPECT_THAT(back.out, HasSubstr("is new: label 1"));
}

TEST_F(SpecDiffTest, OfASetAtFaultIsNoDifference) {
  Write("new/levels/low.toml", "schema = 2\n");
  Outcome outcome = Diff({old_, new_});
  EXPECT_EQ(2, outcome.code);
  EXPECT_THAT(outcome.err, HasSubstr("error[B0101]"));
  EXPECT_EQ("", outcome.out);
  EXPECT_EQ(kExitNotFound, Diff({old_, top_ + "/none"}).code);
}

TEST_F(SpecDiffTest, AsJsonHasEachChange) {
  Write("new/levels/low.toml", Level("3"));
  auto json = ParseJson(Diff({"--json", old_, new_}).out);
  ASSERT_TRUE(json);
  EXPECT_EQ("false", json->Find("same")->Text());
  const Json& change = json->Find("changes")->items()->at(0);
  EXPECT_EQ("changes", change.Find("effect")->Text());
  EXPECT_EQ("label", change.Find("field")->Text());
  EXPECT_EQ("3", change.Find("after")->Text());
  EXPECT_EQ("levels/low.toml:2", change.Find("after_place")->Text());
}

TEST_F(SpecDiffTest, ColoursWhatOpensOnATerminal) {
  Write("new/levels/low.toml", Level("0") + "[devices]\nstorage = \"manual\"\n");
  Outcome outcome = Cli({"spec", "diff", old_, new_}, [](Surroundings& around) {
    around.colour = true;
    around.width = 100;
  });
  EXPECT_THAT(outcome.out, HasSubstr("\033[31mOPENS\033[0m"));
  EXPECT_THAT(Diff({old_, new_}).out, Not(HasSubstr("\033")));
}

}  // namespace
}  // namespace bulkhead::cli
