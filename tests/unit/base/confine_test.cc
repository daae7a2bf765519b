// SPDX-License-Identifier: GPL-2.0-or-later
/// In children of their own: what is taken away stays away.
#include "vmspec/base/confine.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <functional>

#include "vmspec/base/unique_fd.h"

namespace bulkhead {
namespace {

constexpr int kUnavailableHere = 77;

/// How a child that does `work` ends: its exit status, or 1000 and the signal.
int EndOf(const std::function<int()>& work) {
  pid_t child = ::fork();
  if (child == 0) ::_exit(work());
  int status = 0;
  EXPECT_EQ(child, ::waitpid(child, &status, 0));
  return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
}

constexpr int kKilled = 1000 + SIGSYS;

/// Under the common calls and `own`, then `work`.
int EndUnderFilter(std::span<const SyscallRule> own, const std::function<int()>& work) {
  return EndOf([&] {
    if (!ApplySeccomp(CommonSyscalls(), own)) return kUnavailableHere;
    return work();
  });
}

TEST(Seccomp, LetsListedCallsThrough) {
  EXPECT_EQ(5, EndUnderFilter({}, [] {
              timespec now{};
              return ::clock_gettime(CLOCK_MONOTONIC, &now) == 0 && ::getpid() > 0 ? 5 : 6;
            }));
  constexpr SyscallRule kOwn[] = {{"uname"}};
  EXPECT_EQ(5, EndUnderFilter(kOwn, [] {
              char buffer[4096];
              return ::syscall(SYS_uname, buffer) == 0 ? 5 : 6;
            }));
}

TEST(Seccomp, KillsAtACallThatIsNotListed) {
  EXPECT_EQ(kKilled, EndUnderFilter({}, [] {
              char buffer[4096];
              return static_cast<int>(::syscall(SYS_uname, buffer));
            }));
  EXPECT_EQ(kKilled, EndUnderFilter({}, [] { return ::socket(AF_INET, SOCK_STREAM, 0); }));
  EXPECT_EQ(kKilled,
            EndUnderFilter({}, [] { return static_cast<int>(::syscall(SYS_execve, "/", 0, 0)); }));
}

TEST(Seccomp, HoldsAnArgumentToItsValue) {
  constexpr SyscallRule kOwn[] = {{"socket", SyscallRule::Arg{0, AF_UNIX}}};
  EXPECT_EQ(5, EndUnderFilter(kOwn, [] {
              return ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) >= 0 ? 5 : 6;
            }));
  EXPECT_EQ(kKilled, EndUnderFilter(kOwn, [] { return ::socket(AF_INET, SOCK_STREAM, 0); }));
  EXPECT_EQ(kKilled, EndUnderFilter(kOwn, [] { return ::socket(AF_NETLINK, SOCK_RAW, 0); }));
}

// The kernel looks at 32 bits of a domain; the filter must not be weaker than that.
TEST(Seccomp, CannotBeSlippedByTheUpperHalfOfAnArgument) {
  constexpr SyscallRule kOwn[] = {{"socket", SyscallRule::Arg{0, AF_UNIX}}};
  EXPECT_EQ(kKilled, EndUnderFilter(kOwn, [] {
              return static_cast<int>(::syscall(SYS_socket, (1L << 32) | AF_INET, SOCK_STREAM, 0L));
            }));
}

#if defined(__x86_64__)
// x32's numbers are those of x86-64 with a bit more.
TEST(Seccomp, CannotBeSlippedByAnotherCallingConvention) {
  constexpr long kX32Bit = 0x40000000;
  EXPECT_EQ(kKilled,
            EndUnderFilter({}, [] { return static_cast<int>(::syscall(kX32Bit | SYS_getpid)); }));
}
#endif

TEST(Seccomp, CannotBeLoadedWithACallThatDoesNotExist) {
  constexpr SyscallRule kOwn[] = {{"no_such_call"}};
  EXPECT_EQ(5, EndOf([&] {
              Status s = ApplySeccomp(CommonSyscalls(), kOwn);
              char buffer[4096];
              bool free = ::syscall(SYS_uname, buffer) == 0;
              return !s && s.error().code == ErrorCode::kInternal && free ? 5 : 6;
            }));
}

TEST(Seccomp, OutlivesFork) {
  constexpr SyscallRule kOwn[] = {{"clone"}, {"clone3"},          {"wait4"},
                                  {"fork"},  {"set_robust_list"}, {"set_tid_address"}};
  EXPECT_EQ(5, EndUnderFilter(kOwn, [] {
              int end = EndOf([] {
                char buffer[4096];
                return static_cast<int>(::syscall(SYS_uname, buffer));
              });
              return end == kKilled ? 5 : 6;
            }));
}

class Landlock : public testing::Test {
 protected:
  void SetUp() override {
    char folder[] = "/tmp/bulkhead-landlock-XXXXXX";
    ASSERT_NE(nullptr, ::mkdtemp(folder));
    folder_ = folder;
    for (const char* name : {"readable", "writable", "secret"}) {
      std::filesystem::create_directory(folder_ + "/" + name);
      UniqueFd(::open((folder_ + "/" + name + "/file").c_str(), O_CREAT | O_WRONLY, 0666));
    }
    rules_ = {{folder_ + "/readable", PathRule::Access::kRead},
              {folder_ + "/writable", PathRule::Access::kReadWrite},
              {folder_ + "/not-there", PathRule::Access::kRead}};
    if (EndUnderLandlock([] { return 5; }) == kUnavailableHere) {
      GTEST_SKIP() << "this kernel has no Landlock";
    }
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  int EndUnderLandlock(const std::function<int()>& work) const {
    return EndOf([&] {
      Status s = ApplyLandlock(rules_);
      if (!s) return s.error().code == ErrorCode::kUnavailable ? kUnavailableHere : 78;
      return work();
    });
  }
  /// errno of opening, 0 for a success.
  int Opened(const std::string& path, int flags) const {
    return EndUnderLandlock([&] {
      UniqueFd fd(::open((folder_ + path).c_str(), flags | O_CLOEXEC, 0600));
      return fd ? 0 : errno;
    });
  }

  std::string folder_;
  std::vector<PathRule> rules_;
};

TEST_F(Landlock, LeavesTheNamedPathsReachable) {
  EXPECT_EQ(0, Opened("/readable/file", O_RDONLY));
  EXPECT_EQ(0, Opened("/writable/file", O_RDWR));
  EXPECT_EQ(0, Opened("/writable/new", O_WRONLY | O_CREAT));
}

TEST_F(Landlock, CannotBeLeftForAnyOtherPath) {
  EXPECT_EQ(EACCES, Opened("/secret/file", O_RDONLY));
  EXPECT_EQ(EACCES, Opened("/readable/../secret/file", O_RDONLY));
  EXPECT_EQ(EACCES, EndUnderLandlock([] {
              UniqueFd fd(::open("/etc/passwd", O_RDONLY | O_CLOEXEC));
              return fd ? 0 : errno;
            }));
}

TEST_F(Landlock, CannotBeWrittenWhereOnlyReadingIsAllowed) {
  EXPECT_EQ(EACCES, Opened("/readable/file", O_WRONLY));
  EXPECT_EQ(EACCES, Opened("/readable/new", O_WRONLY | O_CREAT));
}

TEST_F(Landlock, CannotBeLeftByASymlink) {
  ASSERT_EQ(0, ::symlink("../secret/file", (folder_ + "/writable/link").c_str()));
  EXPECT_EQ(EACCES, Opened("/writable/link", O_RDONLY));
}

TEST_F(Landlock, TakesAPlainFileAsAPath) {
  rules_ = {{folder_ + "/secret/file", PathRule::Access::kReadWrite}};
  EXPECT_EQ(0, Opened("/secret/file", O_RDWR));
  EXPECT_EQ(EACCES, Opened("/secret", O_RDONLY | O_DIRECTORY));
}

TEST_F(Landlock, WithNoPathAtAllOpensNothing) {
  rules_.clear();
  EXPECT_EQ(EACCES, Opened("/readable/file", O_RDONLY));
}

}  // namespace
}  // namespace bulkhead
