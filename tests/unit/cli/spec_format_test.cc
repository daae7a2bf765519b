// SPDX-License-Identifier: GPL-2.0-or-later
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/unit/cli/cli_fixture.h"
#include "vmspec/base/file.h"

namespace bulkhead::cli {
namespace {

using testing::HasSubstr;

class SpecFormatTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = "/tmp/bulkhead-format-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    std::filesystem::copy(BULKHEAD_SOURCE_ROOT "/vmspec/examples/two-levels", folder_,
                          std::filesystem::copy_options::recursive);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  Outcome Format(std::vector<std::string> words) {
    words.insert(words.begin(), {"spec", "format"});
    return RunCli(words, "unix:path=/nonexistent");
  }
  std::string Text(const std::string& file) {
    return ReadFile(folder_ + "/" + file, 1 << 20).value();
  }
  void Write(const std::string& file, const std::string& text) {
    std::ofstream(folder_ + "/" + file) << text;
  }
  std::string folder_;
};

TEST_F(SpecFormatTest, OfACanonicalSetChangesNothing) {
  Outcome outcome = Format({"--check", folder_});
  EXPECT_EQ(kExitOk, outcome.code) << outcome.out << outcome.err;
  EXPECT_EQ("0 of 6 files would change.\n", outcome.out);
}

TEST_F(SpecFormatTest, WithCheckListsWhatDiffersAndWritesNothing) {
  Write("host.toml", "schema=1 # c\n");
  Outcome outcome = Format({"--check", folder_ + "/"});
  EXPECT_EQ(kExitFailure, outcome.code);
  EXPECT_EQ(folder_ + "/host.toml\n1 of 6 files would change.\n", outcome.out);
  EXPECT_EQ("schema=1 # c\n", Text("host.toml"));
}

TEST_F(SpecFormatTest, WritesWhatDiffersAndKeepsOwnerAndMode) {
  Write("host.toml", "schema=1 # c\n");
  std::string path = folder_ + "/host.toml";
  ASSERT_EQ(0, ::chmod(path.c_str(), 0604));
  bool root = ::geteuid() == 0;
  if (root) {
    ASSERT_EQ(0, ::chown(path.c_str(), 12345, 23456));
  }
  Outcome outcome = Format({path});
  EXPECT_EQ(kExitOk, outcome.code) << outcome.err;
  EXPECT_EQ(path + "\n1 of 1 file changed.\n", outcome.out);
  EXPECT_EQ("schema = 1  # c\n", Text("host.toml"));
  struct stat st{};
  ASSERT_EQ(0, ::stat(path.c_str(), &st));
  EXPECT_EQ(0604U, st.st_mode & 07777U);
  if (root) {
    EXPECT_EQ(12345U, st.st_uid);
    EXPECT_EQ(23456U, st.st_gid);
  }
}

TEST_F(SpecFormatTest, FollowsALinkAndKeepsIt) {
  Write("there", "a=1\n");
  std::filesystem::create_symlink("there", folder_ + "/here.toml");
  EXPECT_EQ(kExitOk, Format({folder_ + "/here.toml"}).code);
  EXPECT_TRUE(std::filesystem::is_symlink(folder_ + "/here.toml"));
  EXPECT_EQ("a = 1\n", Text("there"));
}

TEST_F(SpecFormatTest, ChangesNoFileWhenOneIsNotToml) {
  Write("host.toml", "schema=1\n");
  Write("flows.toml", "schema = \n");
  Outcome outcome = Format({folder_});
  EXPECT_EQ(kExitFailure, outcome.code);
  EXPECT_THAT(outcome.err, HasSubstr("/flows.toml:1:"));
  EXPECT_THAT(outcome.err, HasSubstr("no file was changed"));
  EXPECT_EQ("schema=1\n", Text("host.toml"));
}

TEST_F(SpecFormatTest, OfAFileThatIsNotThereIsNotFoundAndOfAFifoRefused) {
  EXPECT_EQ(kExitFailure, Format({folder_ + "/none.toml"}).code);
  ASSERT_EQ(0, ::mkfifo((folder_ + "/fifo").c_str(), 0600));
  EXPECT_THAT(Format({folder_ + "/fifo"}).err, HasSubstr("is not a regular file"));
}

constexpr char kOldHost[] = "schema = 1  # old\n\n[guest]\nhello-timeout = 90  # seconds\n";

TEST_F(SpecFormatTest, WithoutMigrateKeepsTheSchema) {
  Write("host.toml", kOldHost);
  EXPECT_EQ("0 of 6 files changed.\n", Format({folder_}).out);
  EXPECT_EQ(kOldHost, Text("host.toml"));
}

TEST_F(SpecFormatTest, WithMigrateRewritesFilesOfAnOlderSchemaAndSaysWhatChanged) {
  Write("host.toml", kOldHost);
  std::string said = folder_ + "/host.toml: schema 1 becomes 2\n" +
                     "  line 4: guest.hello-timeout = 90 becomes \"90 s\"\n";
  Outcome check = Format({"--migrate", "--check", folder_});
  EXPECT_EQ(kExitFailure, check.code);
  EXPECT_EQ(said + "1 of 6 files would change.\n", check.out);
  EXPECT_EQ(kOldHost, Text("host.toml"));
  Outcome outcome = Format({"--migrate", folder_});
  EXPECT_EQ(kExitOk, outcome.code) << outcome.err;
  EXPECT_EQ(said + "1 of 6 files changed.\n", outcome.out);
  EXPECT_EQ("schema = 2  # old\n\n[guest]\nhello-timeout = \"90 s\"  # seconds\n",
            Text("host.toml"));
  EXPECT_EQ(kExitOk, Format({"--migrate", "--check", folder_}).code);
}

TEST_F(SpecFormatTest, WithMigrateKnowsASingleFileByItsFolder) {
  std::filesystem::create_directory(folder_ + "/host.d");
  Write("host.d/a.toml", "schema=1\nguest.hello-timeout=5\n");
  EXPECT_EQ(kExitOk, Format({"--migrate", folder_ + "/host.d/a.toml"}).code);
  EXPECT_EQ("schema              = 2\nguest.hello-timeout = \"5 s\"\n", Text("host.d/a.toml"));
  Write("other.toml", "schema=1\n");
  Outcome unknown = Format({"--migrate", folder_ + "/other.toml"});
  EXPECT_EQ(kExitFailure, unknown.code);
  EXPECT_THAT(unknown.err, HasSubstr("is no file of a spec set"));
}

TEST_F(SpecFormatTest, WithMigrateChangesNoFileWhenOneSaysNoSchema) {
  Write("host.toml", kOldHost);
  Write("flows.toml", "# none\n");
  Outcome outcome = Format({"--migrate", folder_});
  EXPECT_EQ(kExitFailure, outcome.code);
  EXPECT_THAT(outcome.err, HasSubstr("/flows.toml says no schema that can be migrated"));
  EXPECT_EQ(kOldHost, Text("host.toml"));
}

TEST_F(SpecFormatTest, AsJsonSaysWhichValuesWereMigrated) {
  Write("host.toml", kOldHost);
  auto json = ParseJson(Format({"--json", "--migrate", folder_}).out);
  ASSERT_TRUE(json);
  const auto& file = json->Find("migrated")->items()->at(0);
  EXPECT_EQ(folder_ + "/host.toml", file.Find("file")->Text());
  const auto& value = file.Find("values")->items()->at(1);
  EXPECT_EQ("guest.hello-timeout", value.Find("key")->Text());
  EXPECT_EQ("\"90 s\"", value.Find("to")->Text());
}

TEST_F(SpecFormatTest, AsJsonSaysWhichFilesDiffer) {
  Write("host.toml", "schema=1\n");
  auto json = ParseJson(Format({"--json", folder_}).out);
  ASSERT_TRUE(json);
  EXPECT_EQ(folder_ + "/host.toml", json->Find("differ")->items()->at(0).Text());
  EXPECT_EQ("true", json->Find("written")->Text());
}

}  // namespace
}  // namespace bulkhead::cli
