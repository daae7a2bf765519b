// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/spec/spec_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include "hostd/spec/sealed_file.h"
#include "tests/unit/hostd/temp_dir.h"

namespace bulkhead::hostd {
namespace {

using ::testing::HasSubstr;

class SpecStoreTest : public ::testing::Test {
 protected:
  TempDir dir_;
  std::string path_ = dir_ / "spec";
  std::string history_ = dir_ / "history";
  SpecStore store_{path_, history_};
  const VersionNote note_{1'700'000, "uid:0", "why", 0};
  const vmspec::SpecFiles two_{{"flows.toml", "schema = 1\n"},
                               {"levels/low.toml", std::string("a\0\n\xff", 4)}};
};

TEST_F(SpecStoreTest, BeforeTheFirstApplyTheSetIsEmpty) {
  auto files = store_.Load();
  ASSERT_TRUE(files);
  EXPECT_TRUE(files->files.empty());
}

TEST_F(SpecStoreTest, GivesBackEveryByteThatWasSaved) {
  for (const vmspec::SpecFiles& set :
       {two_, vmspec::SpecFiles{}, vmspec::SpecFiles{{"host.toml", ""}}}) {
    ASSERT_TRUE(store_.Save(set, note_));
    auto files = SpecStore(path_, history_).Load();
    ASSERT_TRUE(files) << files.error().message;
    EXPECT_EQ(files->files, set);
  }
}

TEST_F(SpecStoreTest, IsReadableByItsOwnerAlone) {
  umask(0);
  ASSERT_TRUE(store_.Save(two_, note_));
  struct stat s{};
  ASSERT_EQ(::stat(path_.c_str(), &s), 0);
  EXPECT_EQ(s.st_mode & 07777, 0600u);
}

TEST_F(SpecStoreTest, CannotBeChangedByOneByteOrCutUnseen) {
  ASSERT_TRUE(store_.Save(two_, note_));
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
  ASSERT_TRUE(store_.Save(two_, note_));
  vmspec::SpecFiles many;
  for (int i = 0; i < 4097; ++i) many["levels/l" + std::to_string(i) + ".toml"] = "";
  vmspec::SpecFiles large{{"host.toml", std::string((4 << 20) + 1, ' ')}};
  vmspec::SpecFiles sum;
  for (int i = 0; i < 6; ++i)
    sum["levels/l" + std::to_string(i) + ".toml"] = std::string(4 << 20, ' ');
  for (const auto& set : {many, large, sum}) {
    auto s = store_.Save(set, note_);
    ASSERT_FALSE(s);
    EXPECT_EQ(s.error().code, ErrorCode::kLimit);
    EXPECT_EQ(store_.Load()->files, two_);
  }
}

TEST_F(SpecStoreTest, TheLargestCheckedSetFits) {
  vmspec::SpecFiles set;
  for (int i = 0; i < 4; ++i)
    set["levels/l" + std::to_string(i) + ".toml"] = std::string(4 << 20, 'x');
  ASSERT_TRUE(store_.Save(set, note_));
  EXPECT_EQ(store_.Load()->files, set);
}

TEST_F(SpecStoreTest, CannotReadAHugeFileIntoMemory) {
  Spill(path_, "");
  std::filesystem::resize_file(path_, 1ULL << 40);
  auto files = store_.Load();
  ASSERT_FALSE(files);
  EXPECT_EQ(files.error().code, ErrorCode::kCorrupt);
}

TEST_F(SpecStoreTest, WhatACutOffSaveLeftIsNoSet) {
  ASSERT_TRUE(store_.Save(two_, note_));
  Spill(path_ + ".new", Slurp(path_).substr(0, 40));  // a power cut before the rename
  EXPECT_EQ(store_.Load()->files, two_);
  ASSERT_TRUE(store_.Save({{"host.toml", "x"}}, note_));
  EXPECT_EQ(store_.Load()->files.size(), 1u);
}

TEST_F(SpecStoreTest, KilledWhileSavingOneOfTheTwoSetsIsThere) {
  const vmspec::SpecFiles a{{"host.toml", std::string(300'000, 'a')}};
  const vmspec::SpecFiles b{{"host.toml", std::string(300'000, 'b')}, {"flows.toml", "b"}};
  ASSERT_TRUE(store_.Save(a, note_));
  for (int round = 0; round < 20; ++round) {
    pid_t pid = ::fork();
    if (pid == 0) {
      for (;;) (void)(store_.Save(b, note_) && store_.Save(a, note_));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2 + round));
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    auto files = store_.Load();
    ASSERT_TRUE(files) << files.error().message;
    ASSERT_TRUE(files->files == a || files->files == b);
  }
}

TEST_F(SpecStoreTest, AMissingFolderIsAnErrorAndNotAnEmptySet) {
  SpecStore store(dir_ / "missing/spec", dir_ / "missing/history");
  EXPECT_FALSE(store.Save(two_, note_));
  Spill(dir_ / "file", "");
  EXPECT_FALSE(SpecStore(dir_ / "file/spec", history_).Load());
}

// --- history -------------------------------------------------------------------------------------

class SpecHistoryTest : public SpecStoreTest {
 protected:
  static vmspec::SpecFiles Set(int i) { return {{"host.toml", "# " + std::to_string(i) + "\n"}}; }
  std::uint32_t Put(int i) {
    auto saved = store_.Save(Set(i), {i, "uid:" + std::to_string(i), "no " + std::to_string(i), 0});
    EXPECT_TRUE(saved) << saved.error().message;
    return saved ? saved->version.number : 0;
  }
  std::string FileOf(int number) const { return history_ + "/" + std::to_string(number); }
  /// "3* 2 1": what is listed, the present one marked.
  std::string Listed() const {
    std::string text;
    auto history = SpecStore(path_, history_).History();
    if (!history) return history.error().message;
    for (const HistoryEntry& e : *history) {
      text += (text.empty() ? "" : " ") + std::to_string(e.version.number) +
              (e.present ? "*" : "") + (e.damage.empty() ? "" : "!");
    }
    return text;
  }
};

TEST_F(SpecHistoryTest, EveryAppliedSetIsKeptWithItsNote) {
  EXPECT_EQ(Listed(), "");
  for (int i = 1; i <= 3; ++i) EXPECT_EQ(Put(i), static_cast<std::uint32_t>(i));
  EXPECT_EQ(Listed(), "3* 2 1");
  auto two = SpecStore(path_, history_).Version(2);
  ASSERT_TRUE(two) << two.error().message;
  EXPECT_EQ(two->files, Set(2));
  EXPECT_EQ(two->version.note.actor, "uid:2");
  EXPECT_EQ(two->version.note.comment, "no 2");
  EXPECT_EQ(two->version.note.time_ms, 2);
  EXPECT_EQ(two->version.sha256, DigestOf(Set(2)));
  EXPECT_EQ(store_.Load()->version.number, 3u);
}

TEST_F(SpecHistoryTest, TheNewest100AreKeptAndWhatWasDroppedIsSaid) {
  std::vector<std::uint32_t> dropped;
  for (int i = 1; i <= 1000; ++i) {
    auto saved = store_.Save(Set(i), note_);
    ASSERT_TRUE(saved) << saved.error().message;
    dropped.insert(dropped.end(), saved->dropped.begin(), saved->dropped.end());
  }
  EXPECT_EQ(store_.History()->size(), kMostVersions);
  ASSERT_EQ(dropped.size(), 900u);
  EXPECT_EQ(dropped.front(), 1u);
  EXPECT_EQ(dropped.back(), 900u);
  EXPECT_EQ(store_.Version(901)->files, Set(901));
  EXPECT_THAT(store_.Version(900).error().message, HasSubstr("no version 900"));
  EXPECT_THAT(SayDropped({1, 2, 3}), HasSubstr("versions 1 to 3 dropped"));
}

TEST_F(SpecHistoryTest, LargeSetsMakeRoomBySizeAndThePresentOneStays) {
  vmspec::SpecFiles large;
  for (int i = 0; i < 4; ++i)
    large["levels/l" + std::to_string(i) + ".toml"] = std::string(4 << 20, 'x');
  for (int i = 1; i <= 6; ++i) ASSERT_TRUE(store_.Save(large, note_));
  EXPECT_EQ(Listed(), "6* 5 4");  // 16 MiB and a little each
  EXPECT_EQ(store_.Version(6)->files, large);
}

TEST_F(SpecHistoryTest, KilledWhileSavingThePresentPointerIsTrue) {
  for (int round = 0; round < 25; ++round) {
    pid_t pid = ::fork();
    if (pid == 0) {
      SpecStore store(path_, history_);
      for (int i = 0;; ++i) (void)store.Save(Set(i), note_);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2 + round));
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    SpecStore store(path_, history_);
    auto now = store.Load();
    ASSERT_TRUE(now) << now.error().message;
    auto history = store.History();
    ASSERT_TRUE(history);
    if (now->version.number == 0) continue;
    ASSERT_FALSE(history->empty());
    EXPECT_TRUE(history->front().present);
    EXPECT_EQ(history->front().version.sha256, now->version.sha256);
    for (const HistoryEntry& e : *history) EXPECT_EQ(e.damage, "") << e.version.number;
  }
}

TEST_F(SpecHistoryTest, AVersionThatAPowerCutKeptFromForceIsNotShownAndItsNumberIsGivenAgain) {
  Put(1);
  Put(2);
  const std::string present = Slurp(path_);
  Put(3);
  Spill(path_, present);  // the cut came before the present file was replaced
  SpecStore store(path_, history_);
  EXPECT_EQ(Listed(), "2* 1");
  EXPECT_EQ(store.Version(3).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(store.Save(Set(9), note_)->version.number, 3u);
  EXPECT_EQ(store.Version(3)->files, Set(9));
}

TEST_F(SpecHistoryTest, ADamagedVersionIsNamedAndHidesNoOther) {
  for (int i = 1; i <= 3; ++i) Put(i);
  std::string bad = Slurp(FileOf(2));
  bad[bad.size() / 2] ^= 1;
  Spill(FileOf(2), bad);
  Spill(FileOf(1), "");
  Spill(history_ + "/junk", "x");
  EXPECT_EQ(Listed(), "3* 2! 1!");
  auto two = store_.Version(2);
  ASSERT_FALSE(two);
  EXPECT_EQ(two.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(two.error().message, HasSubstr("version 2 in " + FileOf(2) + " is damaged"));
  EXPECT_EQ(Put(4), 4u);
}

TEST_F(SpecHistoryTest, CannotPassOneVersionOffAsAnother) {
  for (int i = 1; i <= 3; ++i) Put(i);
  std::filesystem::copy_file(FileOf(1), FileOf(2),
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_EQ(Listed(), "3* 2! 1");
  EXPECT_THAT(store_.Version(2).error().message, HasSubstr("it is version 1"));
}

TEST_F(SpecHistoryTest, TheWayOutOfADamagedPresentSetWorks) {
  for (int i = 1; i <= 3; ++i) Put(i);
  Spill(path_, "junk");
  SpecStore damaged(path_, history_);
  EXPECT_FALSE(damaged.Load());
  EXPECT_FALSE(damaged.Save(Set(4), note_)) << "a damaged set is not silently replaced";
  std::filesystem::rename(path_, path_ + ".broken");
  SpecStore store(path_, history_);
  EXPECT_EQ(store.Load()->version.number, 0u);
  EXPECT_EQ(Listed(), "3 2 1");
  EXPECT_EQ(store.Version(2)->files, Set(2));
  EXPECT_EQ(store.Save(Set(2), note_)->version.number, 4u);
  EXPECT_EQ(Listed(), "4* 3 2 1");
}

TEST_F(SpecHistoryTest, WhatAHostdWithoutHistoryStoredIsTheFirstVersion) {
  // Kind "spec", one file "a" with the text "b": as issue 2 wrote it.
  std::string old("\1\0\0\0\1\0\0\0a\1\0\0\0b", 14);
  ASSERT_TRUE(WriteSealed(path_, "spec", old));
  EXPECT_EQ(store_.Load()->files, (vmspec::SpecFiles{{"a", "b"}}));
  EXPECT_EQ(Put(2), 2u);
  EXPECT_EQ(Listed(), "2* 1");
  EXPECT_EQ(store_.Version(1)->files, (vmspec::SpecFiles{{"a", "b"}}));
  EXPECT_EQ(store_.Version(1)->version.note.time_ms, 0);
}

TEST_F(SpecHistoryTest, CannotKeepACommentThatIsTooLong) {
  auto saved = store_.Save(Set(1), {1, "uid:0", std::string(kMostComment + 1, 'x'), 0});
  ASSERT_FALSE(saved);
  EXPECT_EQ(saved.error().code, ErrorCode::kLimit);
  EXPECT_EQ(store_.Load()->version.number, 0u);
}

TEST_F(SpecHistoryTest, AHistoryThatCannotBeWrittenKeepsTheSetOfBefore) {
  Put(1);
  std::filesystem::remove_all(history_);
  Spill(history_, "in the way");
  EXPECT_FALSE(store_.Save(Set(2), note_));
  EXPECT_EQ(store_.Load()->files, Set(1));
}

}  // namespace
}  // namespace bulkhead::hostd
