// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/spec/index_book.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include "hostd/spec/sealed_file.h"
#include "hostd/spec/spec_store.h"
#include "tests/unit/hostd/temp_dir.h"
#include "vmspec/base/identity.h"

namespace bulkhead::hostd {
namespace {

using ::testing::HasSubstr;
constexpr auto kLevel = IndexKind::kLevel;
constexpr auto kFlow = IndexKind::kFlow;

class IndexBookTest : public ::testing::Test {
 protected:
  std::unique_ptr<IndexBook> Open(const std::string& boot) {
    auto book = IndexBook::Open(path_, boot);
    EXPECT_TRUE(book) << (book ? "" : book.error().message);
    return book ? std::move(*book) : nullptr;
  }
  std::set<std::string> Names(int count, const std::string& prefix = "l") {
    std::set<std::string> names;
    for (int i = 0; i < count; ++i) names.insert(prefix + std::to_string(i));
    return names;
  }

  TempDir dir_;
  std::string path_ = dir_ / "indexes";
};

TEST_F(IndexBookTest, LevelsAndFlowsAreCountedApartFromOne) {
  auto book = Open("b1");
  EXPECT_EQ(*book->Assign(kLevel, {"high", "low"}), (IndexBook::Numbers{{"high", 1}, {"low", 2}}));
  EXPECT_EQ(*book->Assign(kFlow, {"up"}), (IndexBook::Numbers{{"up", 1}}));
  EXPECT_EQ(book->NameOf(kLevel, 1), "high");
  EXPECT_EQ(book->NameOf(kFlow, 1), "up");
  EXPECT_EQ(book->Find(kLevel, "low"), 2u);
  EXPECT_FALSE(book->Find(kFlow, "low"));
  EXPECT_FALSE(book->NameOf(kLevel, 3));
}

TEST_F(IndexBookTest, ANumberStaysOverRestartsAndBoots) {
  (void)Open("b1")->Assign(kLevel, {"high", "low"});
  auto book = Open("b1");
  EXPECT_EQ(*book->Assign(kLevel, {"aaa", "low"}), (IndexBook::Numbers{{"aaa", 3}, {"low", 2}}));
  EXPECT_EQ(Open("b2")->Find(kLevel, "low"), 2u);
}

TEST_F(IndexBookTest, CannotHaveANumberThatAnotherNameHadInThisBoot) {
  auto book = Open("b1");
  (void)book->Assign(kLevel, {"low"});
  ASSERT_TRUE(book->Retain(kLevel, {}));
  EXPECT_EQ(book->Assign(kLevel, {"evil"})->at("evil"), 2u);
  EXPECT_EQ(book->NameOf(kLevel, 1), "low") << "a process of it may be about";
  book = Open("b1");  // the daemon restarts, the machine does not
  EXPECT_EQ(book->Assign(kLevel, {"worse"})->at("worse"), 3u);
}

TEST_F(IndexBookTest, CannotHaveANumberThatANameRetainsAcrossBoots) {
  (void)Open("b1")->Assign(kLevel, {"low"});
  EXPECT_EQ(Open("b2")->Assign(kLevel, {"evil"})->at("evil"), 2u);
}

TEST_F(IndexBookTest, AReleasedNumberIsGivenAgainAfterTheNextBoot) {
  auto book = Open("b1");
  (void)book->Assign(kLevel, {"low"});
  ASSERT_TRUE(book->Retain(kLevel, {"other"}));
  book = Open("b2");
  EXPECT_FALSE(book->Find(kLevel, "low"));
  EXPECT_FALSE(book->NameOf(kLevel, 1));
  EXPECT_EQ(book->Assign(kLevel, {"next"})->at("next"), 1u);
}

TEST_F(IndexBookTest, ANameThatReturnsGetsItsOldNumber) {
  auto book = Open("b1");
  (void)book->Assign(kLevel, {"a", "b"});
  ASSERT_TRUE(book->Retain(kLevel, {"a"}));
  EXPECT_EQ(book->Assign(kLevel, {"b"})->at("b"), 2u);
  ASSERT_TRUE(book->Retain(kLevel, {"a", "b"}));
  EXPECT_EQ(Open("b2")->Find(kLevel, "b"), 2u) << "it is retained again";
}

TEST_F(IndexBookTest, RetainingLevelsDoesNotReleaseFlows) {
  auto book = Open("b1");
  (void)book->Assign(kFlow, {"up"});
  ASSERT_TRUE(book->Retain(kLevel, {}));
  EXPECT_EQ(Open("b2")->Find(kFlow, "up"), 1u);
}

TEST_F(IndexBookTest, AFullBookSaysSoAndGivesNobodyANumber) {
  auto book = Open("b1");
  ASSERT_EQ(book->Assign(kLevel, Names(kMaxLevelIndex))->size(), kMaxLevelIndex);
  auto s = book->Assign(kLevel, {"a", "l1", "zz"});
  ASSERT_FALSE(s);
  EXPECT_EQ(s.error().code, ErrorCode::kLimit);
  EXPECT_THAT(s.error().message, HasSubstr("4095"));
  EXPECT_FALSE(book->Find(kLevel, "a"));
  ASSERT_TRUE(book->Retain(kLevel, Names(kMaxLevelIndex - 1)));
  EXPECT_FALSE(book->Assign(kLevel, {"a"})) << "not in this boot";
  EXPECT_TRUE(Open("b2")->Assign(kLevel, {"a"}));
}

TEST_F(IndexBookTest, NoTwoNamesEverShareANumberWhateverComesAndGoes) {
  unsigned random = 7;
  auto next = [&] { return random = random * 1'103'515'245 + 12345, (random >> 16) & 0x7FFF; };
  std::map<std::uint32_t, std::string> had;  // in this boot
  int boot = 0;
  auto book = Open("b0");
  for (int step = 0; step < 600; ++step) {
    if (next() % 10 == 0) {
      if (next() % 3 == 0) {
        ++boot;
        had.clear();
      }
      book = Open("b" + std::to_string(boot));
    }
    std::set<std::string> names;
    for (int i = 0; i < 6; ++i) names.insert("n" + std::to_string(next() % 30));
    auto numbers = book->Assign(kLevel, names);
    ASSERT_TRUE(numbers);
    ASSERT_TRUE(book->Retain(kLevel, names));
    std::set<std::uint32_t> now;
    for (const auto& [name, index] : *numbers) {
      ASSERT_TRUE(now.insert(index).second) << "two names at once";
      auto [it, is_new] = had.emplace(index, name);
      ASSERT_EQ(it->second, name) << "number " << index << " in boot " << boot;
    }
  }
}

TEST_F(IndexBookTest, CannotTakeWhatIsNoName) {
  auto book = Open("b1");
  for (const char* bad : {"", "Low", "a b", "../x", "a\nlevel 1 x -", "-a"}) {
    EXPECT_EQ(book->Assign(kLevel, {"good", bad}).error().code, ErrorCode::kInvalid) << bad;
  }
  EXPECT_FALSE(book->Find(kLevel, "good"));
  for (const char* bad : {"", "-", "b 1", "b\n", "B1"}) EXPECT_FALSE(IndexBook::Open(path_, bad));
}

TEST_F(IndexBookTest, CannotBeReadWhenItIsNotWhatWeWrote) {
  (void)Open("b1")->Assign(kLevel, {"low", "high"});
  const std::string good = Slurp(path_);
  for (std::size_t at = 0; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 1);
    Spill(path_, bad);
    ASSERT_FALSE(IndexBook::Open(path_, "b1")) << at;
  }
  Spill(path_, "");
  auto book = IndexBook::Open(path_, "b1");
  ASSERT_FALSE(book);
  EXPECT_EQ(book.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(book.error().message, HasSubstr("one uid"));
}

TEST_F(IndexBookTest, CannotHoldOneNumberOrNameTwiceEvenWithAGoodDigest) {
  for (const char* text :
       {"level 1 a -\nlevel 1 b -\n", "level 1 a -\nlevel 2 a -\n", "level 0 a -\n",
        "level 4096 a -\n", "level 01 a -\n", "level 1 a\n", "level 1 a - x\n", "disk 1 a -\n",
        "level 1 A -\n", "level 1 a B\n", "\n", "level -1 a -\n"}) {
    ASSERT_TRUE(WriteSealed(path_, "indexes", text));
    EXPECT_FALSE(IndexBook::Open(path_, "b1")) << text;
  }
  ASSERT_TRUE(WriteSealed(path_, "indexes", "level 1 a -\nflow 1 a b0\n"));
  EXPECT_TRUE(IndexBook::Open(path_, "b1"));
  ASSERT_TRUE(WriteSealed(path_, "spec", "level 1 a -\n"));
  EXPECT_FALSE(IndexBook::Open(path_, "b1")) << "a file of another kind";
}

TEST_F(IndexBookTest, AFailedStoreChangesNothing) {
  auto book = Open("b1");
  (void)book->Assign(kLevel, {"low"});
  std::filesystem::remove(path_);
  ASSERT_TRUE(std::filesystem::create_directories(path_ + "/in the way"));
  EXPECT_FALSE(book->Assign(kLevel, {"high"}));
  EXPECT_FALSE(book->Find(kLevel, "high"));
  EXPECT_FALSE(book->Retain(kLevel, {}));
  EXPECT_EQ(book->Find(kLevel, "low"), 1u);
  std::filesystem::remove_all(path_);
  EXPECT_EQ(book->Assign(kLevel, {"high"})->at("high"), 2u);
}

TEST_F(IndexBookTest, AnApplyThatWasCutOffBetweenItsStepsCanBeDoneAgain) {
  SpecStore store(dir_ / "spec", dir_ / "history");
  const vmspec::SpecFiles before{{"levels/low.toml", "x"}};
  const vmspec::SpecFiles after{{"levels/low.toml", "x"}, {"levels/mid.toml", "y"}};
  (void)Open("b1")->Assign(kLevel, {"low"});
  ASSERT_TRUE(store.Save(before, {}));
  // Apply of `after`: numbers first, then the set, then what left the set is released. Killed here:
  (void)Open("b1")->Assign(kLevel, {"low", "mid"});
  // The next start knows the old set, and releases what is not in it.
  ASSERT_EQ(store.Load()->files, before);
  auto book = Open("b1");
  ASSERT_TRUE(book->Retain(kLevel, {"low"}));
  EXPECT_EQ(book->Find(kLevel, "low"), 1u);
  // And the apply again, to its end.
  EXPECT_EQ(book->Assign(kLevel, {"low", "mid"})->at("mid"), 2u);
  ASSERT_TRUE(store.Save(after, {}));
  ASSERT_TRUE(book->Retain(kLevel, {"low", "mid"}));
  EXPECT_EQ(Open("b2")->Find(kLevel, "mid"), 2u);
}

TEST_F(IndexBookTest, KilledBetweenStepsEveryNumberThatWasUsedIsKept) {
  for (int round = 0; round < 15; ++round) {
    int fds[2];
    ASSERT_EQ(::pipe(fds), 0);
    pid_t pid = ::fork();
    if (pid == 0) {
      auto book = IndexBook::Open(path_, "b1");
      for (int i = 0; book && i < 1000; ++i) {
        std::string name = "r" + std::to_string(round) + "-" + std::to_string(i);
        auto numbers = (*book)->Assign(kLevel, {name});
        if (!numbers) ::_exit(1);
        (void)!::write(fds[1], &numbers->at(name), 4);  // from here on a process may run as it
        (void)(*book)->Retain(kLevel, {});
      }
      ::_exit(0);
    }
    ::close(fds[1]);
    std::this_thread::sleep_for(std::chrono::milliseconds(4 + round));
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    auto book = Open("b1");
    ASSERT_TRUE(book);
    std::uint32_t index = 0;
    for (int i = 0; ::read(fds[0], &index, 4) == 4; ++i) {
      ASSERT_EQ(book->NameOf(kLevel, index), "r" + std::to_string(round) + "-" + std::to_string(i));
    }
    ::close(fds[0]);
  }
}

}  // namespace
}  // namespace bulkhead::hostd
