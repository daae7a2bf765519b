// SPDX-License-Identifier: GPL-2.0-or-later
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "tests/unit/vmspec/spec_sets.h"

namespace bulkhead::vmspec {
namespace {

class Folder : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "bulkhead-vmspec-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void Write(const std::string& path, const std::string& text) const {
    std::filesystem::create_directories(std::filesystem::path(folder_ + "/" + path).parent_path());
    std::ofstream(folder_ + "/" + path) << text;
  }

  std::string folder_;
};

TEST_F(Folder, IsReadAsItLies) {
  for (const auto& [path, text] : SoundSet()) Write(path, text);
  Write("README.md", "not ours");
  Write("levels/notes.txt", "not ours");
  Write("keys/a.pem", "not ours");
  Write(".git/a.toml", "not ours");
  auto files = ReadSpecFolder(folder_);
  ASSERT_TRUE(files) << files.error().message;
  EXPECT_EQ(*files, SoundSet());
}

TEST_F(Folder, CannotHoldATomlFileThatNobodyReads) {
  Write("levels/a.toml", "");
  Write("flow.toml", "");
  auto files = ReadSpecFolder(folder_);
  ASSERT_FALSE(files);
  EXPECT_EQ(files.error().code, ErrorCode::kInvalid);
  EXPECT_EQ(
      files.error().message,
      folder_ +
          "/flow.toml is no file of a spec set: its files are levels/NAME.toml, "
          "templates/NAME.toml, flows.toml, networks.toml, devices.toml and host.toml, and "
          "drop-ins beside them (levels/NAME.d/*.toml, flows.d/*.toml ...); rename or remove it: "
          "did you mean \"flows.toml\"?");
}

TEST_F(Folder, CannotBeMisspeltSoThatItsRulesAreLeftOut) {
  for (const auto& [folder, meant] : {std::pair("device.d", "did you mean \"devices.d\"?"),
                                      {"level", "did you mean \"levels\"?"}}) {
    SCOPED_TRACE(folder);
    Write("levels/a.toml", "");
    Write(std::string(folder) + "/a.toml", "");
    auto files = ReadSpecFolder(folder_);
    ASSERT_FALSE(files);
    EXPECT_NE(files.error().message.find(std::string(folder) + "/a.toml is no file of a spec set"),
              std::string::npos);
    EXPECT_TRUE(files.error().message.ends_with(meant)) << files.error().message;
    std::filesystem::remove_all(folder_ + "/" + folder);
  }
  Write("levels/a.toml", "");
  Write("levels/old/a.toml", "");
  EXPECT_FALSE(ReadSpecFolder(folder_));
}

TEST_F(Folder, SaysWhereALevelLies) {
  Write("office.toml", "");
  auto files = ReadSpecFolder(folder_);
  ASSERT_FALSE(files);
  EXPECT_TRUE(files.error().message.ends_with("a level lies in the folder levels/"));
}

TEST_F(Folder, CannotHangOnAFifoOrDevice) {
  ASSERT_EQ(mkfifo((folder_ + "/host.toml").c_str(), 0600), 0);
  auto files = ReadSpecFolder(folder_);
  ASSERT_FALSE(files);
  EXPECT_EQ(files.error().message, folder_ + "/host.toml is not a regular file; remove it");
  ASSERT_EQ(unlink((folder_ + "/host.toml").c_str()), 0);
  ASSERT_EQ(symlink("/dev/zero", (folder_ + "/host.toml").c_str()), 0);
  EXPECT_FALSE(ReadSpecFolder(folder_));
}

TEST_F(Folder, CannotHoldALongFile) {
  Write("host.toml", std::string((4UL << 20) + 1, '#'));
  auto files = ReadSpecFolder(folder_);
  ASSERT_FALSE(files);
  EXPECT_EQ(files.error().code, ErrorCode::kLimit);
}

TEST_F(Folder, ThatIsMissingOrEmptyIsToldAsSuch) {
  auto files = ReadSpecFolder(folder_);
  ASSERT_FALSE(files);
  EXPECT_EQ(files.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(files.error().message.substr(folder_.size(), 20), " holds no spec set: ");
  files = ReadSpecFolder(folder_ + "/nowhere");
  ASSERT_FALSE(files);
  EXPECT_EQ(files.error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace bulkhead::vmspec
