// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/spec/spec_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include "tests/unit/hostd/temp_dir.h"

namespace bulkhead::hostd {
namespace {

using ::testing::HasSubstr;

class SpecStoreTest : public ::testing::Test {
 protected:
  TempDir dir_;
  std::string path_ = dir_ / "spec";
  SpecStore store_{path_};
  const vmspec::SpecFiles two_{{"flows.toml", "schema = 1\n"},
                               {"levels/low.toml", std::string("a\0\n\xff", 4)}};
};

TEST_F(SpecStoreTest, BeforeTheFirstApplyTheSetIsEmpty) {
  auto files = store_.Load();
  ASSERT_TRUE(files);
  EXPECT_TRUE(files->empty());
}

TEST_F(SpecStoreTest, GivesBackEveryByteThatWasSaved) {
  for (const vmspec::SpecFiles& set :
       {two_, vmspec::SpecFiles{}, vmspec::SpecFiles{{"host.toml", ""}}}) {
    ASSERT_TRUE(store_.Save(set));
    auto files = SpecStore(path_).Load();
    ASSERT_TRUE(files) << files.error().message;
    EXPECT_EQ(*files, set);
  }
}

TEST_F(SpecStoreTest, IsReadableByItsOwnerAlone) {
  umask(0);
  ASSERT_TRUE(store_.Save(two_));
  struct stat s{};
  ASSERT_EQ(::stat(path_.c_str(), &s), 0);
  EXPECT_EQ(s.st_mode & 07777, 0600u);
}

TEST_F(SpecStoreTest, CannotBeChangedByOneByteOrCutUnseen) {
  ASSERT_TRUE(store_.Save(two_));
  const std::string good = Slurp(path_);
  for (std::size_t at = 0; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x20);
    Spill(path_, bad);
    ASSERT_FALSE(store_.Load()) << "byte " << at;
    Spill(path_, good.substr(0, at));
    ASSERT_FALSE(store_.Load()) << "cut to " << at;
  }
  Spill(path_, good + "x");
  auto files = store_.Load();
  ASSERT_FALSE(files);
  EXPECT_EQ(files.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(files.error().message, HasSubstr("mv " + path_));
}

TEST_F(SpecStoreTest, CannotSaveMoreThanACheckedSetHas) {
  ASSERT_TRUE(store_.Save(two_));
  vmspec::SpecFiles many;
  for (int i = 0; i < 4097; ++i) many["levels/l" + std::to_string(i) + ".toml"] = "";
  vmspec::SpecFiles large{{"host.toml", std::string((4 << 20) + 1, ' ')}};
  vmspec::SpecFiles sum;
  for (int i = 0; i < 6; ++i)
    sum["levels/l" + std::to_string(i) + ".toml"] = std::string(4 << 20, ' ');
  for (const auto& set : {many, large, sum}) {
    auto s = store_.Save(set);
    ASSERT_FALSE(s);
    EXPECT_EQ(s.error().code, ErrorCode::kLimit);
    EXPECT_EQ(*store_.Load(), two_);
  }
}

TEST_F(SpecStoreTest, TheLargestCheckedSetFits) {
  vmspec::SpecFiles set;
  for (int i = 0; i < 4; ++i)
    set["levels/l" + std::to_string(i) + ".toml"] = std::string(4 << 20, 'x');
  ASSERT_TRUE(store_.Save(set));
  EXPECT_EQ(*store_.Load(), set);
}

TEST_F(SpecStoreTest, CannotReadAHugeFileIntoMemory) {
  Spill(path_, "");
  std::filesystem::resize_file(path_, 1ULL << 40);
  auto files = store_.Load();
  ASSERT_FALSE(files);
  EXPECT_EQ(files.error().code, ErrorCode::kCorrupt);
}

TEST_F(SpecStoreTest, WhatACutOffSaveLeftIsNoSet) {
  ASSERT_TRUE(store_.Save(two_));
  Spill(path_ + ".new", Slurp(path_).substr(0, 40));  // a power cut before the rename
  EXPECT_EQ(*store_.Load(), two_);
  ASSERT_TRUE(store_.Save({{"host.toml", "x"}}));
  EXPECT_EQ(store_.Load()->size(), 1u);
}

TEST_F(SpecStoreTest, KilledWhileSavingOneOfTheTwoSetsIsThere) {
  const vmspec::SpecFiles a{{"host.toml", std::string(300'000, 'a')}};
  const vmspec::SpecFiles b{{"host.toml", std::string(300'000, 'b')}, {"flows.toml", "b"}};
  ASSERT_TRUE(store_.Save(a));
  for (int round = 0; round < 20; ++round) {
    pid_t pid = ::fork();
    if (pid == 0) {
      for (;;) (void)(store_.Save(b) && store_.Save(a));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2 + round));
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    auto files = store_.Load();
    ASSERT_TRUE(files) << files.error().message;
    ASSERT_TRUE(*files == a || *files == b);
  }
}

TEST_F(SpecStoreTest, AMissingFolderIsAnErrorAndNotAnEmptySet) {
  SpecStore store(dir_ / "missing/spec");
  EXPECT_FALSE(store.Save(two_));
  Spill(dir_ / "file", "");
  EXPECT_FALSE(SpecStore(dir_ / "file/spec").Load());
}

}  // namespace
}  // namespace bulkhead::hostd
