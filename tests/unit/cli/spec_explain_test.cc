// SPDX-License-Identifier: GPL-2.0-or-later
/// X2: `bulkhead spec explain`.
#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "hostd/cli/json.h"
#include "tests/unit/cli/cli_fixture.h"

namespace bulkhead::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

class SpecExplainTest : public CliTest {
 protected:
  void SetUp() override {
    CliTest::SetUp();
    std::string pattern = "/tmp/bulkhead-explain-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    std::filesystem::create_directory(folder_ + "/levels");
    Level("low", 0);
    Level("high", 2);
    Write("devices.toml", "schema = 2\n[key.hq]\ntoken = \"card\"\nobject = \"hq\"\n");
    Write("flows.toml",
          "schema = 2\n[recipient.hq]\ncertificate = \"sha256:" + std::string(64, '0') +
              "\"\nkey = \"hq\"\n"
              "[flow.up]\nfrom = \"low\"\nto = \"high\"\nkind = \"transfer\"\n"
              "[flow.seal]\nfrom = \"high\"\nto = \"low\"\nkind = \"encrypt\"\n"
              "recipients = [\"hq\"]\n");
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  void Write(const std::string& file, const std::string& text) {
    std::ofstream(folder_ + "/" + file) << text;
  }
  void Level(const std::string& name, int rank, const std::string& more = "") {
    Write("levels/" + name + ".toml", "schema = 2\nimage = \"minimal\"\nlabel = { rank = " +
                                          std::to_string(rank) + " }\n" + more);
  }
  Outcome Explain(const std::string& a, const std::string& b) {
    return RunCli({"spec", "explain", a, b, folder_}, "unix:path=/nonexistent");
  }
  std::string folder_;
};

TEST_F(SpecExplainTest, EachWayHasItsRuleAndItsLine) {
  Outcome outcome = Explain("low", "high");
  EXPECT_EQ(kExitOk, outcome.code) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr(R"(From "low" (rank 0) to "high" (rank 2): 1 way.

1. in clear
   flows.toml:5  flow "up" carries files in clear from "low" to "high"

Accepted risks between the two, which no rule closes:
   cpu: )"));
}

TEST_F(SpecExplainTest, OnlyCiphertextIsSaidWithItsRecipientAndWhoCouldOpenIt) {
  Outcome outcome = Explain("high", "low");
  EXPECT_THAT(outcome.out, HasSubstr(R"(
1. only ciphertext for "hq"
   flows.toml:9  flow "seal" carries ciphertext for "hq" from "high" to "low"

- nobody opens at "low" what is sealed: there is no decrypt flow to it; "low" does not dominate
  "high" (that needs at least rank 2): one would be refused.
)"));
}

TEST_F(SpecExplainTest, LinesFitAHundredColumns) {
  for (const auto& [a, b] : {std::pair("low", "high"), std::pair("high", "low")}) {
    std::istringstream lines(Explain(a, b).out);
    for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 100U) << line;
  }
}

TEST_F(SpecExplainTest, JsonHasEveryStep) {
  Outcome outcome = RunCli({"spec", "explain", "high", "low", folder_, "--json"}, "");
  auto json = ParseJson(outcome.out);
  ASSERT_TRUE(json) << outcome.out;
  const Json& way = json->Find("ways")->items()->at(0);
  EXPECT_EQ("sealed", way.Find("outcome")->Text());
  const Json& step = way.Find("steps")->items()->at(0);
  EXPECT_EQ("encrypt", step.Find("kind")->Text());
  EXPECT_EQ("9", step.Find("line")->Text());
  EXPECT_EQ("level", step.Find("from")->Find("kind")->Text());
  EXPECT_EQ("true", json->Find("complete")->Text());
  EXPECT_FALSE(json->Find("risks")->items()->empty());
}

TEST_F(SpecExplainTest, ASetAgainstTheLatticeIsExplained) {
  Level("low", 0, "[[key]]\nkey = \"hq\"\noperations = [\"decrypt\"]\n");
  Outcome outcome = Explain("high", "low");
  EXPECT_EQ(kExitOk, outcome.code) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("1. in clear: sealed by flow \"seal\", and opened again\n"));
  EXPECT_THAT(outcome.out, HasSubstr("levels/low.toml:4  \"low\" may open what is sealed for key"));
  EXPECT_THAT(outcome.out, HasSubstr("against the lattice: bulkhead spec check"));
}

TEST_F(SpecExplainTest, CannotExplainASetThatWasMisread) {
  Write("host.toml", "schema = 2\nmemmory = 3\n");
  Outcome outcome = Explain("low", "high");
  EXPECT_EQ(kExitFailure, outcome.code);
  EXPECT_THAT(outcome.err, HasSubstr("memmory"));
}

TEST_F(SpecExplainTest, ANameThatIsNotThereGetsASuggestion) {
  Outcome outcome = Explain("hihg", "low");
  EXPECT_EQ(kExitNotFound, outcome.code);
  EXPECT_THAT(outcome.err, HasSubstr("did you mean \"high\"?"));
  EXPECT_EQ(kExitUsage, Explain("low", "low").code);
}

TEST_F(SpecExplainTest, WithoutAFolderTheAppliedSetIsExplained) {
  if (IsSkipped()) return;
  Fake().world()->spec =
      "{'levels/a.toml': 'schema = 2\nimage = \"i\"\nlabel = { rank = 0 }\n', "
      "'levels/b.toml': 'schema = 2\nimage = \"i\"\nlabel = { rank = 1 }\n'}";
  Outcome outcome = Cli({"spec", "explain", "a", "b"});
  EXPECT_EQ(kExitOk, outcome.code) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr(R"(From "a" (rank 0) to "b" (rank 1): no way.

- no flow leads from "a" to "b"; "b" dominates "a": a transfer flow would be allowed.
)"));
}

TEST_F(SpecExplainTest, WithoutAnAppliedSetItSaysSo) {
  if (IsSkipped()) return;
  Fake().world()->spec = "@a{ss} {}";
  Outcome outcome = Cli({"spec", "explain", "a", "b"});
  EXPECT_EQ(kExitNotFound, outcome.code);
  EXPECT_THAT(outcome.err, HasSubstr("no spec set is applied"));
}

}  // namespace
}  // namespace bulkhead::cli
