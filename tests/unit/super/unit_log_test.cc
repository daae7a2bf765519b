// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/super/unit_log.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "hostd/super/instance_lock.h"
#include "hostd/super/leftovers.h"
#include "hostd/super/machine.h"
#include "hostd/super/programs.h"
#include "vmspec/base/file.h"

namespace bulkhead::super {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

class InFolder : public ::testing::Test {
 protected:
  void SetUp() override {
    char folder[] = "/tmp/super-test-XXXXXX";
    ASSERT_NE(nullptr, ::mkdtemp(folder));
    top_ = folder;
  }
  void TearDown() override { fs::remove_all(top_); }
  std::string top_;
};

using UnitLogTest = InFolder;

TEST_F(UnitLogTest, CannotHideALineFromTheJournalByTheMarkOfOurs) {
  testing::internal::CaptureStderr();
  UnitLog log(top_, /*echo=*/true);
  log.Append("agentd@low", "--- a line\nand \x1b[31manother\n");
  log.Note("agentd@low", "started as process 7");
  EXPECT_EQ(
      "agentd@low: --- a line\nagentd@low: and \\x1B[31manother\n"
      "agentd@low: started as process 7\n",
      testing::internal::GetCapturedStderr());
}

TEST_F(UnitLogTest, KeepsWhatUnitsSayAndTellsTheLastLineOfTheirOwn) {
  UnitLog log(top_);
  log.Append("netd", "first\nsecond");
  log.Append("netd", " half\n");
  log.Note("netd", "was ended by signal 9");
  EXPECT_EQ("second half", log.LastLine("netd"));
  EXPECT_EQ("", log.LastLine("brokerd"));
}

TEST_F(UnitLogTest, CannotGrowBeyondTwoFilesOfOneMebibyte) {
  UnitLog log(top_);
  std::string much(300'000, 'x');
  for (int i = 0; i < 30; ++i) log.Append("netd", much);
  EXPECT_LE(fs::file_size(log.PathOf("netd")), UnitLog::kMaxLogBytes);
  EXPECT_LE(fs::file_size(log.PathOf("netd") + ".1"), UnitLog::kMaxLogBytes);
  log.Append("netd", std::string(5 << 20, 'y'));
  EXPECT_LE(fs::file_size(log.PathOf("netd")), UnitLog::kMaxLogBytes);
}

TEST_F(UnitLogTest, CannotBeLedElsewhereByASymlink) {
  UnitLog log(top_);
  std::ofstream(top_ + "/victim") << "kept";
  fs::create_symlink(top_ + "/victim", log.PathOf("netd"));
  log.Append("netd", "text\n");
  EXPECT_EQ("kept", ReadFile(top_ + "/victim", 100).value());
}

/// A child that sleeps; killed at the end if it still lives.
struct Sleeper {
  explicit Sleeper(bool stubborn = false) : pid(::fork()) {
    if (pid != 0) return;
    if (stubborn) ::signal(SIGTERM, SIG_IGN);
    for (;;) ::pause();
  }
  ~Sleeper() {
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
  }
  pid_t pid;
};

using LeftoversTest = InFolder;

TEST_F(LeftoversTest, EndsWhatAKilledSuperdLeft) {
  auto willing = std::make_unique<Sleeper>();
  auto stubborn = std::make_unique<Sleeper>(true);
  std::string record = top_ + "/children";
  ASSERT_TRUE(RecordChildren(record, {willing->pid, stubborn->pid}));
  // They are this test's children: reaped by nobody meanwhile, their pidfds still tell the end.
  auto ended = EndLeftovers(record, 300ms);
  ASSERT_TRUE(ended) << ended.error().message;
  EXPECT_EQ(2, *ended);
}

TEST_F(LeftoversTest, CannotKillAProcessThatOnlyHasThePid) {
  Sleeper bystander;
  std::string record = top_ + "/children";
  ASSERT_TRUE(WriteFileAtomically(record, std::to_string(bystander.pid) + " 12345\n", 0600));
  EXPECT_EQ(0, EndLeftovers(record, 100ms).value());
  EXPECT_EQ(0, ::kill(bystander.pid, 0));
  int status = 0;
  EXPECT_EQ(0, ::waitpid(bystander.pid, &status, WNOHANG));
}

TEST_F(LeftoversTest, NoRecordIsNothingToDo) {
  EXPECT_EQ(0, EndLeftovers(top_ + "/none", 100ms).value());
}

TEST_F(LeftoversTest, DamagedRecordDoesNoHarm) {
  std::string record = top_ + "/children";
  for (const char* text : {"x", "-1 -1\n", "1\n", "1 1\n", "99999999999999999999 1\n"}) {
    ASSERT_TRUE(WriteFileAtomically(record, text, 0600));
    EXPECT_EQ(0, EndLeftovers(record, 50ms).value()) << text;
  }
}

using LockTest = InFolder;

TEST_F(LockTest, OneHoldsItAndTheOtherLearnsWho) {
  std::string path = top_ + "/lock";
  EXPECT_FALSE(FindRunning(path).value());
  auto lock = TakeLock(path);
  ASSERT_TRUE(lock);
  auto second = TakeLock(path);
  ASSERT_FALSE(second);
  EXPECT_EQ(ErrorCode::kExists, second.error().code);
  EXPECT_NE(std::string::npos, second.error().message.find(std::to_string(::getpid())));
  EXPECT_TRUE(FindRunning(path).value());
  lock->reset();
  EXPECT_FALSE(FindRunning(path).value());
}

TEST_F(LockTest, StopsTheHolderAndWaitsForItsEnd) {
  std::string path = top_ + "/lock";
  int ready[2];
  ASSERT_EQ(0, ::pipe(ready));
  pid_t holder = ::fork();
  if (holder == 0) {
    auto lock = TakeLock(path);
    (void)!::write(ready[1], lock ? "y" : "n", 1);
    for (;;) ::pause();
  }
  char said = 0;
  ASSERT_EQ(1, ::read(ready[0], &said, 1));
  ASSERT_EQ('y', said);
  EXPECT_TRUE(StopRunning(path, 5s));
  int status = 0;
  EXPECT_EQ(holder, ::waitpid(holder, &status, WNOHANG)) << "it was not waited for";
  EXPECT_EQ(SIGTERM, WTERMSIG(status));
  auto again = StopRunning(path, 5s);
  ASSERT_FALSE(again);
  EXPECT_EQ(ErrorCode::kNotFound, again.error().code);
  ::close(ready[0]), ::close(ready[1]);
}

using ProgramsTest = InFolder;

TEST_F(ProgramsTest, FindsTheFirstThatRunsAndSaysWhereItLooked) {
  fs::create_directories(top_ + "/a");
  fs::create_directories(top_ + "/b");
  std::ofstream(top_ + "/a/prog") << "not executable";
  std::ofstream(top_ + "/b/prog") << "x";
  fs::permissions(top_ + "/b/prog", fs::perms::owner_all);
  fs::permissions(top_ + "/a/prog", fs::perms::none);
  if (::geteuid() != 0) fs::permissions(top_ + "/a/prog", fs::perms::owner_read);
  Programs programs = Programs::Locate(top_ + "/a:relative:" + top_ + "/b");
  EXPECT_EQ(fs::canonical(top_ + "/b/prog"), programs.Find("prog").value());
  auto missing = programs.Find("bulkhead-none");
  ASSERT_FALSE(missing);
  EXPECT_NE(std::string::npos, missing.error().message.find(top_ + "/a, " + top_ + "/b"));
}

using MachineTest = InFolder;

TEST_F(MachineTest, OpensLibvirtsFolderAndRemembersTheModeItHad) {
  Paths paths;
  paths.run = top_ + "/run";
  fs::create_directories(paths.run + "/super");
  std::string folder = top_ + "/qemu";
  fs::create_directory(folder);
  ASSERT_EQ(0, ::chmod(folder.c_str(), 0750));
  ASSERT_TRUE(OpenLibvirtFolder(paths, folder));
  ASSERT_TRUE(OpenLibvirtFolder(paths, folder));
  EXPECT_EQ(0751u, static_cast<unsigned>(fs::status(folder).permissions()));
  EXPECT_EQ("0750", ReadFile(paths.run + "/super/libvirt-qemu-mode", 8).value());
}

TEST_F(MachineTest, MissingLibvirtFolderIsNoFault) {
  Paths paths;
  paths.run = top_;
  EXPECT_TRUE(OpenLibvirtFolder(paths, top_ + "/none"));
}

TEST_F(MachineTest, CannotBeLedByNamesThatAreNoDeviceNodes) {
  for (const char* name : {"loop0", "kvm", "loop-control"}) std::ofstream(top_ + "/" + name) << "x";
  ::chmod((top_ + "/loop0").c_str(), 0600);
  fs::create_symlink("/etc/shadow", top_ + "/loop1");
  EXPECT_TRUE(PrepareDevices(top_).empty());
}

}  // namespace
}  // namespace bulkhead::super
