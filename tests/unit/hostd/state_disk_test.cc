// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/storage/state_disk.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include "tests/unit/hostd/temp_dir.h"
#include "vmspec/base/identity.h"
#include "vmspec/base/process_spec.h"

namespace bulkhead::hostd {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr off_t kMiB = 1 << 20;

class StateDiskTest : public ::testing::Test {
 protected:
  UniqueFd Open(std::uint32_t mib, bool persistent = true) {
    auto fd = OpenStateDisk(level_, mib, persistent);
    EXPECT_TRUE(fd) << (fd ? "" : fd.error().message);
    return fd ? std::move(*fd) : UniqueFd();
  }
  Error OpenError(std::uint32_t mib = 16, bool persistent = true) {
    auto fd = OpenStateDisk(level_, mib, persistent);
    EXPECT_FALSE(fd) << "it opened";
    return fd ? Error{} : fd.error();
  }
  static struct stat StatOf(int fd) {
    struct stat s{};
    EXPECT_EQ(::fstat(fd, &s), 0);
    return s;
  }
  void Mark(int fd, const char* text) { ASSERT_EQ(::pwrite(fd, text, 4, kMiB), 4); }
  static std::string MarkOf(int fd) {
    char text[5] = {};
    EXPECT_EQ(::pread(fd, text, 4, kMiB), 4);
    return text;
  }

  TempDir dir_;
  std::string level_ = dir_ / "low";
  std::string state_ = level_ + "/state.raw";
};

TEST_F(StateDiskTest, ANewDiskIsBlankReservedAndPrivate) {
  ::umask(077);
  UniqueFd fd = Open(16);
  ::umask(022);
  struct stat s = StatOf(fd.get());
  EXPECT_EQ(s.st_size, 16 * kMiB);
  EXPECT_GE(s.st_blocks * 512, 16 * kMiB) << "a full host would be found inside the guest";
  EXPECT_EQ(s.st_mode & 07777, 0660u);
  EXPECT_EQ(MarkOf(fd.get()), "");
  EXPECT_EQ(::fcntl(fd.get(), F_GETFL) & O_ACCMODE, O_RDWR);
  EXPECT_EQ(::fcntl(fd.get(), F_GETFD), FD_CLOEXEC);
  struct stat folder{};
  ASSERT_EQ(::stat(level_.c_str(), &folder), 0);
  EXPECT_EQ(folder.st_mode & 07777, 0711u);
  EXPECT_EQ(StateDiskPath(level_, true), state_);
}

TEST_F(StateDiskTest, APersistentDiskKeepsItsContentAndGrowsWithTheSpec) {
  Mark(Open(16).get(), "mine");
  EXPECT_EQ(MarkOf(Open(16).get()), "mine");
  UniqueFd fd = Open(24);
  EXPECT_EQ(MarkOf(fd.get()), "mine");
  EXPECT_EQ(StatOf(fd.get()).st_size, 24 * kMiB);
  EXPECT_GE(StatOf(fd.get()).st_blocks * 512, 24 * kMiB);
}

TEST_F(StateDiskTest, CannotShrinkAPersistentDisk) {
  Mark(Open(24).get(), "mine");
  Error e = OpenError(16);
  EXPECT_EQ(e.code, ErrorCode::kInvalid);
  EXPECT_THAT(e.message,
              AllOf(HasSubstr("24 MiB"), HasSubstr("16 MiB"), HasSubstr("never shrunk")));
  EXPECT_EQ(MarkOf(Open(24).get()), "mine");
}

TEST_F(StateDiskTest, BlocksThatTheGuestDiscardedAreReservedAgain) {
  UniqueFd fd = Open(16);
  if (::fallocate(fd.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 8 * kMiB) != 0) {
    GTEST_SKIP() << "no holes on this file system";
  }
  ASSERT_LT(StatOf(fd.get()).st_blocks * 512, 16 * kMiB);
  EXPECT_GE(StatOf(Open(16).get()).st_blocks * 512, 16 * kMiB);
}

TEST_F(StateDiskTest, AnEphemeralDiskIsBlankAtEachStart) {
  Mark(Open(16, false).get(), "mine");
  UniqueFd fd = Open(16, false);
  EXPECT_EQ(MarkOf(fd.get()), "");
  EXPECT_EQ(StatOf(Open(17, false).get()).st_size, 17 * kMiB);
  EXPECT_EQ(StatOf(Open(16, false).get()).st_size, 16 * kMiB);
}

TEST_F(StateDiskTest, ALevelThatBecomesEphemeralLosesNothing) {
  Mark(Open(16).get(), "mine");
  Mark(Open(16, false).get(), "temp");
  EXPECT_EQ(MarkOf(Open(16).get()), "mine");
}

TEST_F(StateDiskTest, SizesOutsideTheRangeAreRefused) {
  EXPECT_EQ(OpenError(15).code, ErrorCode::kInvalid);
  EXPECT_EQ(OpenError(1'048'577).code, ErrorCode::kInvalid);
  EXPECT_EQ(OpenError(0).code, ErrorCode::kInvalid);
}

TEST_F(StateDiskTest, CannotBeASymlinkAFolderAFifoOrAHardLink) {
  Open(16);
  std::filesystem::rename(state_, dir_ / "elsewhere");
  for (bool persistent : {true, false}) {
    std::string path = StateDiskPath(level_, persistent);
    std::filesystem::create_symlink(dir_ / "elsewhere", path);
    EXPECT_EQ(OpenError(16, persistent).code, ErrorCode::kConflict);
    std::filesystem::remove(path);
    std::filesystem::create_directory(path);
    EXPECT_EQ(OpenError(16, persistent).code, ErrorCode::kConflict);
    std::filesystem::remove(path);
    ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
    EXPECT_EQ(OpenError(16, persistent).code, ErrorCode::kConflict);
    std::filesystem::remove(path);
    ASSERT_EQ(::link((dir_ / "elsewhere").c_str(), path.c_str()), 0);
    EXPECT_EQ(OpenError(16, persistent).code, ErrorCode::kConflict);
    std::filesystem::remove(path);
  }
  EXPECT_EQ(std::filesystem::file_size(dir_ / "elsewhere"), std::uintmax_t{16 * kMiB});
}

TEST_F(StateDiskTest, CannotWriteThroughASymlinkInPlaceOfTheUnfinishedDisk) {
  std::filesystem::create_directory(level_);
  Spill(dir_ / "precious", "precious");
  std::filesystem::create_symlink(dir_ / "precious", level_ + "/disk.new");
  Open(16);
  EXPECT_EQ(Slurp(dir_ / "precious"), "precious");
}

TEST_F(StateDiskTest, WhatACutOffStartLeftIsClearedAway) {
  std::filesystem::create_directory(level_);
  Spill(level_ + "/disk.new", std::string(1000, 'x'));
  UniqueFd fd = Open(16);
  EXPECT_EQ(StatOf(fd.get()).st_size, 16 * kMiB);
  EXPECT_FALSE(std::filesystem::exists(level_ + "/disk.new"));
}

TEST_F(StateDiskTest, KilledWhileMakingADiskThereIsAWholeOneOrNone) {
  for (int round = 0; round < 10; ++round) {
    pid_t pid = ::fork();
    if (pid == 0) {
      for (;;) {
        (void)OpenStateDisk(level_, 16, true);
        std::filesystem::remove(state_);
      }
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5 + 3 * round));
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    std::error_code none;
    auto size = std::filesystem::file_size(state_, none);
    ASSERT_TRUE(none || size == std::uintmax_t{16 * kMiB});
    ASSERT_EQ(StatOf(Open(16).get()).st_size, 16 * kMiB);
  }
}

// --- who owns it --------------------------------------------------------------------------------

/// Runs `body` as hostd does: kUidHostd, in the group of level 1.
template <typename Body>
int AsHostd(Body body) {
  pid_t pid = ::fork();
  if (pid == 0) {
    gid_t level = LevelUid(1);
    if (::setgroups(1, &level) != 0 || ::setresgid(kUidHostd, kUidHostd, kUidHostd) != 0 ||
        ::setresuid(kUidHostd, kUidHostd, kUidHostd) != 0) {
      ::_exit(99);
    }
    ::_exit(body());
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000;
}

class OwnedStateDiskTest : public StateDiskTest {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root to become somebody else";
    ASSERT_EQ(::chown(dir_.path().c_str(), kUidHostd, kUidHostd), 0);
    ASSERT_EQ(AsHostd([&] {
                auto fd = OpenStateDisk(level_, 16, true);
                return fd && ::pwrite(fd->get(), "mine", 4, kMiB) == 4 ? 0 : 1;
              }),
              0);
  }
};

TEST_F(OwnedStateDiskTest, ADiskThatLibvirtGaveToTheLevelOpensAndGrows) {
  ASSERT_EQ(::chown(state_.c_str(), LevelUid(1), LevelUid(1)), 0);
  EXPECT_EQ(AsHostd([&] {
              auto fd = OpenStateDisk(level_, 20, true);
              if (!fd) return 1;
              return MarkOf(fd->get()) == "mine" && StatOf(fd->get()).st_size == 20 * kMiB ? 0 : 2;
            }),
            0);
}

TEST_F(OwnedStateDiskTest, ADiskThatCannotBeOpenedIsKeptAndTheWayOutNamed) {
  ASSERT_EQ(::chown(state_.c_str(), 0, 0), 0);
  ASSERT_EQ(::chmod(state_.c_str(), 0600), 0);
  EXPECT_EQ(AsHostd([&] {
              auto fd = OpenStateDisk(level_, 16, true);
              if (fd) return 1;
              if (fd.error().code != ErrorCode::kPermission) return 2;
              return fd.error().message.find("chown 1879100001 " + state_) == std::string::npos ? 3
                                                                                                : 0;
            }),
            0);
  UniqueFd fd(::open(state_.c_str(), O_RDONLY));
  EXPECT_EQ(MarkOf(fd.get()), "mine");
}

TEST_F(OwnedStateDiskTest, AScratchDiskThatCannotBeOpenedIsReplaced) {
  std::string scratch = StateDiskPath(level_, false);
  Spill(scratch, "old");
  ASSERT_EQ(::chmod(scratch.c_str(), 0600), 0);
  EXPECT_EQ(AsHostd([&] { return OpenStateDisk(level_, 16, false) ? 0 : 1; }), 0);
}

TEST_F(OwnedStateDiskTest, CannotBeOpenedByAnotherLevel) {
  pid_t pid = ::fork();
  if (pid == 0) {
    gid_t none = 0;
    bool other =
        ::setgroups(0, &none) == 0 && ::setgid(LevelUid(2)) == 0 && ::setuid(LevelUid(2)) == 0;
    ::_exit(other && ::open(state_.c_str(), O_RDONLY) < 0 && errno == EACCES ? 0 : 1);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  EXPECT_EQ(status, 0);
}

// --- a full disk --------------------------------------------------------------------------------

constexpr int kNoMounts = 77;

/// Runs `body` with a tmpfs of 40 MiB on `mount`.
template <typename Body>
int OnSmallDisk(const std::string& mount, Body body) {
  pid_t pid = ::fork();
  if (pid == 0) {
    if (::unshare(CLONE_NEWNS) != 0 ||
        ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("tmpfs", mount.c_str(), "tmpfs", 0, "size=40m") != 0) {
      ::_exit(kNoMounts);
    }
    ::_exit(body());
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000;
}

TEST_F(StateDiskTest, AFullDiskIsFoundBeforeTheLevelRunsAndLosesNothing) {
  int result = OnSmallDisk(dir_.path(), [&] {
    auto too_large = OpenStateDisk(level_, 64, true);
    if (too_large || too_large.error().code != ErrorCode::kLimit) return 1;
    if (too_large.error().message.find("64 MiB (") == std::string::npos) return 2;
    if (!std::filesystem::is_empty(level_)) return 3;
    auto fd = OpenStateDisk(level_, 32, true);
    if (!fd || ::pwrite(fd->get(), "mine", 4, kMiB) != 4) return 4;
    auto grown = OpenStateDisk(level_, 64, true);
    if (grown || grown.error().code != ErrorCode::kLimit) return 5;
    if (StatOf(fd->get()).st_size != 32 * kMiB || MarkOf(fd->get()) != "mine") return 6;
    return OpenStateDisk(level_, 36, true) ? 0 : 7;  // what the failed growth took is free again
  });
  if (result == kNoMounts) GTEST_SKIP() << "no mount namespace here: needs root";
  EXPECT_EQ(result, 0);
}

TEST_F(StateDiskTest, AnEphemeralDiskDoesNotNeedTheRoomOfTwo) {
  int result = OnSmallDisk(dir_.path(), [&] {
    if (!OpenStateDisk(level_, 30, false)) return 1;
    return OpenStateDisk(level_, 30, false) ? 0 : 2;
  });
  if (result == kNoMounts) GTEST_SKIP() << "no mount namespace here: needs root";
  EXPECT_EQ(result, 0);
}

// --- QEMU ---------------------------------------------------------------------------------------

/// A real QEMU that holds the disk through the descriptor, as levels get it.
class QemuWithDisk {
 public:
  explicit QemuWithDisk(UniqueFd disk) {
    ProcessSpec spec;
    spec.argv = {"/usr/bin/qemu-system-x86_64",
                 "-accel",
                 "tcg",
                 "-machine",
                 "microvm",
                 "-nodefaults",
                 "-no-user-config",
                 "-display",
                 "none",
                 "-S",
                 "-add-fd",
                 "fd=5,set=1",
                 "-blockdev",
                 "driver=file,node-name=f,filename=/dev/fdset/1,locking=auto",
                 "-device",
                 "virtio-blk-device,drive=f",
                 "-monitor",
                 "stdio"};
    int in[2];
    int out[2];
    EXPECT_EQ(::pipe(in), 0);
    EXPECT_EQ(::pipe(out), 0);
    spec.run_as = RunAs::Unchanged();
    spec.fds = {{disk.get(), 5}, {in[0], 0}, {out[1], 1}, {out[1], 2}};
    auto child = Spawn(spec);
    EXPECT_TRUE(child);
    child_ = std::move(*child);
    ::close(in[0]);
    ::close(out[1]);
    in_.reset(in[1]);
    out_.reset(out[0]);
    // The prompt may come earlier; a command is answered when every device has its disk.
    EXPECT_EQ(::write(in_.get(), "info status\n", 12), 12);
    while (said.find("VM status") == std::string::npos) {
      char c;
      if (::read(out_.get(), &c, 1) != 1) break;
      said += c;
    }
  }
  ~QemuWithDisk() {
    ::kill(child_.pid, SIGKILL);
    ::waitpid(child_.pid, nullptr, 0);
  }
  std::string said;

 private:
  Child child_;
  UniqueFd in_;
  UniqueFd out_;
};

TEST_F(StateDiskTest, CannotBeHandedOutWhileAQemuHasIt) {
  for (bool persistent : {true, false}) {
    {
      QemuWithDisk qemu(Open(16, persistent));
      ASSERT_THAT(qemu.said, HasSubstr("VM status"));
      Error e = OpenError(16, persistent);
      EXPECT_EQ(e.code, ErrorCode::kBusy);
      EXPECT_THAT(e.message, HasSubstr("in use"));
    }
    Open(16, persistent);
  }
}

}  // namespace
}  // namespace bulkhead::hostd
