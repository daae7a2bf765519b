// SPDX-License-Identifier: GPL-2.0-or-later
/// Both halves end to end: what they carry, what they tell hostd, what they do when others fail.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>

#include "tests/unit/diode/rig.h"
#include "vmspec/base/identity.h"

namespace bulkhead::diode {
namespace {

using report::Decision;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class DiodeTest : public Rig {};

TEST_F(DiodeTest, CarriesAFileWholeAndRecordsEachStepFirst) {
  StartBoth();
  GuestFile file = MakeFile(1, 3 << 20, "naïve plan.odt");
  LowSends(file.Frames());
  ASSERT_TRUE(Until([&] { return HasArrived(file) && decisions_.size() >= 3; }));
  std::vector<int> verdicts;
  for (const auto& d : decisions_) {
    verdicts.push_back(d.verdict);
    EXPECT_EQ(file.id, d.transfer);
    EXPECT_EQ("naïve plan.odt", d.name);
    EXPECT_EQ(file.content.size(), d.size);
    EXPECT_EQ(Sha256Of(file.content), d.sha256);
  }
  EXPECT_THAT(verdicts,
              ElementsAre(Decision::kAccepted, Decision::kPublished, Decision::kHandedOver));
}

TEST_F(DiodeTest, SaysItselfWhichLevelAFileComesFrom) {
  StartBoth();
  GuestFile file = MakeFile(1, 10);
  LowSends(file.Frames());
  ASSERT_TRUE(Until([&] { return HasArrived(file); }));
  EXPECT_EQ("low", arrived_[file.id].begin.from);
}

TEST_F(DiodeTest, CarriesManyFilesOfAllSizesInOrder) {
  StartBoth();
  std::vector<GuestFile> files;
  std::size_t sizes[] = {0, 1, 4095, 4096, 262143, 262144, 262145, 1 << 20};
  for (std::uint8_t i = 0; i < 40; ++i) {
    files.push_back(MakeFile(static_cast<std::uint8_t>(i + 1), sizes[i % 8]));
    LowSends(files.back().Frames(i % 2 == 0 ? 1000 : transfer::kMaxData));
  }
  quota_ = 64 << 20;
  auto all = [&] {
    return std::ranges::all_of(files, [&](const GuestFile& f) { return HasArrived(f); }) &&
           Decisions(Decision::kHandedOver).size() == files.size();
  };
  ASSERT_TRUE(Until(all));
  auto handed = Decisions(Decision::kHandedOver);
  for (std::size_t i = 0; i < files.size(); ++i) {
    EXPECT_EQ(files[i].id, handed[i].transfer);
  }
}

TEST_F(DiodeTest, RunsConfinedAndSmall) {
  StartBoth();
  GuestFile file = MakeFile(1, 4 << 20);
  LowSends(file.Frames());
  ASSERT_TRUE(Until([&] { return HasArrived(file); }));
  for (Half half : {Half::kSend, Half::kReceive}) {
    EXPECT_EQ("2", StatusField(half, "Seccomp"));
    EXPECT_EQ("1", StatusField(half, "NoNewPrivs"));
    EXPECT_EQ("1", StatusField(half, "Threads"));
#if !defined(__SANITIZE_ADDRESS__)
    EXPECT_LT(std::stol(StatusField(half, "VmHWM")), 16384);
#endif
  }
}

TEST_F(DiodeTest, NothingEntersThePipeBeforeHostdRecordedIt) {
  // This test is the reader of the pipe.
  UniqueFd pipe(::open(paths_.FlowPipe("up").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  ASSERT_TRUE(pipe);
  FrameReader reader(transfer::kMaxPayload, transfer::StreamStart::kType);
  std::vector<int> types;
  auto read_pipe = [&] {
    std::array<std::uint8_t, 65536> buffer;
    ssize_t n = ::read(pipe.get(), buffer.data(), buffer.size());
    ByteView in = ByteView(buffer).first(n > 0 ? static_cast<std::size_t>(n) : 0);
    while (!in.empty()) {
      in = in.subspan(*reader.Feed(in));
      if (auto frame = reader.Next()) types.push_back(frame->type);
    }
    return types.size();
  };
  records_ = false;
  Start(Half::kSend);
  LowSends(MakeFile(1, 10).Frames());
  ASSERT_TRUE(Until([&] { return read_pipe() == 1 && decisions_.size() == 1; }));
  For(200ms);
  read_pipe();
  EXPECT_THAT(types, ElementsAre(200));
  Say(Half::kSend, report::Recorded{decisions_[0].serial + 1});
  For(100ms);
  read_pipe();
  EXPECT_THAT(types, ElementsAre(200)) << "a record of something else let it through";
  Say(Half::kSend, report::Recorded{decisions_[0].serial});
  ASSERT_TRUE(Until([&] { return read_pipe() == 4; }));
  EXPECT_THAT(types, ElementsAre(200, 201, 202, 203));
}

TEST_F(DiodeTest, NothingIsPublishedBeforeHostdRecordedIt) {
  StartBoth();
  ASSERT_TRUE(Until([&] { return hostd_.size() == 2 && high_; }));
  GuestFile file = MakeFile(1, 10);
  LowSends(file.Frames());
  ASSERT_TRUE(Until([&] { return !Decisions(Decision::kAccepted).empty(); }));
  records_ = false;
  ASSERT_TRUE(Until([&] { return !Decisions(Decision::kPublished).empty(); }));
  For(200ms);
  EXPECT_THAT(SpoolFiles(Half::kReceive), ElementsAre("0000000000000001.held"));
  EXPECT_THAT(arrived_, IsEmpty());
  Say(Half::kReceive, report::Recorded{Decisions(Decision::kPublished)[0].serial});
  EXPECT_TRUE(Until([&] { return HasArrived(file); }));
}

TEST_F(DiodeTest, FilesWaitInTheSpoolWhileHostdIsAwayEvenThroughAKill) {
  StopHostd();
  StartBoth();
  GuestFile first = MakeFile(1, 100'000), second = MakeFile(2, 5);
  LowSends(first.Frames());
  LowSends(second.Frames());
  ASSERT_TRUE(Until([&] { return SpoolFiles(Half::kSend).size() == 2; }));
  For(100ms);
  Kill(Half::kSend);
  EXPECT_THAT(SpoolFiles(Half::kSend),
              ElementsAre("0000000000000001.held", "0000000000000002.held"));
  Start(Half::kSend);
  For(300ms);
  StartHostd();
  EXPECT_TRUE(Until([&] { return HasArrived(first) && HasArrived(second); }));
}

TEST_F(DiodeTest, AHostdThatIsRestartedIsAskedAgain) {
  records_ = false;
  StartBoth();
  GuestFile file = MakeFile(1, 10);
  LowSends(file.Frames());
  ASSERT_TRUE(Until([&] { return decisions_.size() == 1; }));
  StopHostd();
  For(50ms);
  records_ = true;
  StartHostd();
  EXPECT_TRUE(Until([&] { return HasArrived(file); }));
  EXPECT_EQ(1, low_connections_) << "the sending level noticed";
}

TEST_F(DiodeTest, HandsOverAgainUntilTheAgentSettles) {
  high_settles_ = false;
  StartBoth();
  GuestFile file = MakeFile(1, 300'000);
  LowSends(file.Frames());
  ASSERT_TRUE(Until([&] { return HasArrived(file); }));
  Say(Half::kReceive, report::GuestReady{});
  ASSERT_TRUE(Until([&] { return arrived_[file.id].times == 2; }));
  Say(Half::kReceive, report::Settled{file.id});
  ASSERT_TRUE(Until([&] { return SpoolFiles(Half::kReceive).empty(); }));
  Say(Half::kReceive, report::GuestReady{});
  For(300ms);
  EXPECT_EQ(2, arrived_[file.id].times);
}

TEST_F(DiodeTest, WaitsForAReceivingLevelThatStartsLater) {
  high_ready_ = false;
  StartBoth();
  GuestFile file = MakeFile(1, 10);
  LowSends(file.Frames());
  ASSERT_TRUE(Until([&] { return !Decisions(Decision::kPublished).empty(); }));
  For(100ms);
  EXPECT_FALSE(high_) << "it connected before the level was ready";
  Say(Half::kReceive, report::GuestReady{});
  EXPECT_TRUE(Until([&] { return HasArrived(file); }));
}

TEST_F(DiodeTest, AReceivingHalfThatDiedMissesNothingAndRepeatsNothing) {
  StartBoth();
  GuestFile first = MakeFile(1, 200'000), second = MakeFile(2, 200'000);
  LowSends(first.Frames());
  ASSERT_TRUE(Until([&] { return HasArrived(first) && SpoolFiles(Half::kReceive).empty(); }));
  restart_ = true;
  Kill(Half::kReceive);
  ASSERT_TRUE(Until([&] { return hostd_.size() == 2 && low_connections_ == 2; }));
  LowSends(second.Frames());
  ASSERT_TRUE(Until([&] { return HasArrived(second); }));
  For(200ms);
  EXPECT_EQ(1, arrived_[first.id].times);
  EXPECT_EQ(2u, Decisions(Decision::kPublished).size());
}

TEST_F(DiodeTest, AReceivingHalfAloneRestartedIsFoundAgain) {
  StartBoth();
  GuestFile file = MakeFile(1, 10);
  ASSERT_TRUE(Until([&] { return hostd_.size() == 2 && low_; }));
  Kill(Half::kReceive);
  LowSends(file.Frames());
  ASSERT_TRUE(Until([&] { return !Decisions(Decision::kAccepted).empty(); }));
  Start(Half::kReceive);
  EXPECT_TRUE(Until([&] { return HasArrived(file); }));
  EXPECT_EQ(1, low_connections_);
}

TEST_F(DiodeTest, AStalledReceiverCostsTheSenderItsQuotaAndTheLevelNothing) {
  max_file_ = 1 << 20;
  quota_ = 4 << 20;
  StartBoth();
  ASSERT_TRUE(Until([&] { return hostd_.size() == 2 && low_; }));
  ::kill(Pid(Half::kReceive), SIGSTOP);
  std::vector<GuestFile> files;
  for (std::uint8_t i = 1; i <= 10; ++i) {
    files.push_back(MakeFile(i, 1 << 20));
    LowSends(files.back().Frames());
  }
  // The level's writes all go through, and the rest is dropped.
  ASSERT_TRUE(Until(
      [&] { return low_sent_ == low_out_.size() && Decisions(Decision::kRefused).size() == 6; }));
  EXPECT_TRUE(Refused("quota of 4194304 bytes is used up"));
  EXPECT_EQ(4u, Decisions(Decision::kAccepted).size());
  ::kill(Pid(Half::kReceive), SIGCONT);
  files.resize(4);
  ASSERT_TRUE(Until([&] {
    return std::ranges::all_of(files, [&](const GuestFile& f) { return HasArrived(f); });
  }));
  // What went makes room, also long before its retention ends.
  For(5500ms);
  GuestFile late = MakeFile(11, 1 << 20);
  LowSends(late.Frames());
  EXPECT_TRUE(Until([&] { return HasArrived(late); }));
}

TEST_F(DiodeTest, WhatWasAcceptedIsNotLostWhenTheReceivingLevelDoesNotRead) {
  max_file_ = 1 << 20;
  quota_ = 4 << 20;
  high_reads_ = false;
  StartBoth();
  std::vector<GuestFile> files;
  for (std::uint8_t i = 1; i <= 8; ++i) {
    files.push_back(MakeFile(i, 1 << 20));
    LowSends(files.back().Frames());
    // The first four fill the receiver, the others wait with the sender.
    ASSERT_TRUE(Until([&] { return Decisions(Decision::kAccepted).size() == i; }, 15s)) << int(i);
    if (i == 4) For(6s);
  }
  EXPECT_EQ(4u, Decisions(Decision::kPublished).size());
  EXPECT_THAT(Decisions(Decision::kRefused), IsEmpty());
  high_reads_ = true;
  EXPECT_TRUE(Until([&] {
    return std::ranges::all_of(files, [&](const GuestFile& f) { return HasArrived(f); });
  }));
}

TEST_F(DiodeTest, AFullDiskIsARefusalThatSaysSoAndLeavesNothing) {
  if (::geteuid() != 0 || ::unshare(CLONE_NEWNS) != 0) GTEST_SKIP() << "needs root to mount";
  std::string spool = paths_.FlowSpool("up", "send");
  ASSERT_EQ(0, ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr));
  ASSERT_EQ(0, ::mount("tmpfs", spool.c_str(), "tmpfs", 0, "size=1m,mode=0700"));
  ASSERT_EQ(0, ::chown(spool.c_str(), DiodeSendUid(1), DiodeSendUid(1)));
  StartBoth();
  GuestFile large = MakeFile(1, 2 << 20), small = MakeFile(2, 300'000);
  LowSends(large.Frames());
  ASSERT_TRUE(Until([&] { return Refused("disk is full"); }));
  EXPECT_THAT(SpoolFiles(Half::kSend), IsEmpty());
  LowSends(small.Frames());
  EXPECT_TRUE(Until([&] { return HasArrived(small); }));
  Kill(Half::kSend);
  EXPECT_EQ(0, ::umount2(spool.c_str(), MNT_DETACH));
}

TEST_F(DiodeTest, RefusesArgumentsThatAreNotOfASpec) {
  const char* send = std::getenv("BULKHEAD_TEST_DIODE_SEND");
  auto status_of = [&](std::vector<std::string> argv) {
    ProcessSpec spec;
    argv.insert(argv.begin(), send);
    spec.argv = std::move(argv);
    spec.run_as = RunAs::Unchanged();
    auto child = Spawn(spec);
    int status = 0;
    ::waitpid(child->pid, &status, 0);
    return WEXITSTATUS(status);
  };
  EXPECT_EQ(2, status_of({}));
  EXPECT_EQ(2, status_of({"--flow", "../up", "--level", "low", "--to", "high", "--max-file", "1",
                          "--quota", "1", "--max-files", "1"}));
  EXPECT_EQ(2, status_of({"--flow", "up", "--level", "low", "--to", "high", "--max-file", "2",
                          "--quota", "1", "--max-files", "1"}));
  EXPECT_EQ(2, status_of({"--flow", "up", "--level", "low", "--to", "high", "--max-file", "-1",
                          "--quota", "1", "--max-files", "1"}));
  EXPECT_EQ(2, status_of({"--flow", "up", "--flow", "up", "--to", "high", "--max-file", "1",
                          "--quota", "1", "--max-files", "1"}));
}

}  // namespace
}  // namespace bulkhead::diode
