// SPDX-License-Identifier: GPL-2.0-or-later
#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

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
  EXPECT_THAT(outcome.out, HasSubstr("Applied."));
  ASSERT_EQ(1u, Calls().size());
  EXPECT_THAT(Calls()[0], HasSubstr("'levels/low.toml': "));
}

TEST_F(SpecCommands, ApplyFailsWhenHostdFindsAFault) {
  Fake().world()->diagnostics =
      "[('B0900', 'no image debian-13 is installed', 'levels/low.toml', uint32 5, uint32 1, '', "
      "'install it', false)]";
  Outcome outcome = Cli({"spec", "apply", folder_});
  EXPECT_EQ(kExitFailure, outcome.code);
  EXPECT_THAT(outcome.out, HasSubstr("no image debian-13 is installed"));
  EXPECT_THAT(outcome.out, testing::Not(HasSubstr("Applied.")));
}

TEST_F(SpecCommands, AFolderThatIsNotThereIsNotFound) {
  EXPECT_EQ(kExitNotFound, RunCli({"spec", "check", folder_ + "/none"}, "").code);
}

}  // namespace
}  // namespace bulkhead::cli
