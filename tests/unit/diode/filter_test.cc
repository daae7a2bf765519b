// SPDX-License-Identifier: GPL-2.0-or-later
/// What the filters of system calls really stop: a child takes one on and then tries.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <functional>

#include "diode/confinement.h"
#include "diode/receive_syscalls.h"
#include "diode/send_syscalls.h"
#include "vmspec/base/socket.h"

namespace bulkhead::diode {
namespace {

#if !defined(__SANITIZE_ADDRESS__)  // whose own calls widen the filter

class FilterTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char folder[] = "/tmp/diode-filter-XXXXXX";
    ASSERT_NE(nullptr, ::mkdtemp(folder));
    folder_ = folder;
    ASSERT_EQ(0, ::mkdir((folder_ + "/spool").c_str(), 0700));
    ASSERT_EQ(0, ::mkfifo((folder_ + "/pipe").c_str(), 0600));
    port_ = *ListenUnix(folder_ + "/port", 0600);
    report_ = *ListenUnix(folder_ + "/report", 0600);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  /// In a child that is confined as a half, both sockets connected: 0 when `act` returns, else the
  /// signal that ended it.
  int SignalOf(std::span<const SyscallRule> table, int pipe_flags,
               const std::function<void(const FixedFds&)>& act) {
    UniqueFd other_end(::open((folder_ + "/pipe").c_str(), O_RDWR | O_CLOEXEC));
    pid_t pid = ::fork();
    if (pid == 0) {
      auto fds = OpenFixedFds(folder_ + "/port", folder_ + "/report", folder_ + "/pipe",
                              folder_ + "/spool");
      if (!fds || !OpenPipe(pipe_flags)) ::_exit(9);
      SocketSlot port(kPortFd, fds->port), report(kReportFd, fds->report);
      const PathRule reachable[] = {{folder_ + "/spool", PathRule::Access::kReadWrite},
                                    {folder_ + "/pipe", PathRule::Access::kReadWrite}};
      if (!Confine(*fds, reachable, table, [](const std::string&) {})) ::_exit(8);
      // Under the filter, as after a restart of QEMU or hostd.
      if (!port.Connect() || !report.Connect()) ::_exit(7);
      act(*fds);
      ::_exit(0);
    }
    int status = 0;
    ::waitpid(pid, &status, 0);
    EXPECT_TRUE(WIFSIGNALED(status) || WEXITSTATUS(status) == 0) << WEXITSTATUS(status);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  }
  int Send(const std::function<void(const FixedFds&)>& act) {
    return SignalOf(kSendHalfSyscalls, O_WRONLY, act);
  }
  int Receive(const std::function<void(const FixedFds&)>& act) {
    return SignalOf(kReceiveHalfSyscalls, O_RDONLY, act);
  }

  std::string folder_;
  UniqueFd port_, report_;
};

template <typename... T>
void Ignore(T&&...) {}

TEST_F(FilterTest, SendHalfMayDoItsWork) {
  EXPECT_EQ(0, Send([](const FixedFds&) {
              char byte = 0;
              Ignore(::recv(kPortFd, &byte, 1, MSG_DONTWAIT),
                     ::send(kReportFd, "x", 1, MSG_NOSIGNAL), ::write(kPipeFd, "x", 1));
            }));
}

TEST_F(FilterTest, CannotWriteToThePortFromTheSendHalf) {
  iovec vec{const_cast<char*>("x"), 1};
  msghdr message{};
  message.msg_iov = &vec;
  message.msg_iovlen = 1;
  using Act = std::function<void(const FixedFds&)>;
  const std::vector<std::pair<const char*, Act>> attempts = {
      {"write", [](const FixedFds&) { Ignore(::write(kPortFd, "x", 1)); }},
      {"send", [](const FixedFds&) { Ignore(::send(kPortFd, "x", 1, 0)); }},
      {"sendmsg", [&](const FixedFds&) { Ignore(::sendmsg(kPortFd, &message, 0)); }},
      {"writev", [&](const FixedFds&) { Ignore(::writev(kPortFd, &vec, 1)); }},
      {"sendfile", [](const FixedFds&) { Ignore(::sendfile(kPortFd, kSpoolFd, nullptr, 1)); }},
      {"splice",
       [](const FixedFds&) { Ignore(::splice(kPipeFd, nullptr, kPortFd, nullptr, 1, 0)); }},
      {"shutdown", [](const FixedFds&) { Ignore(::shutdown(kPortFd, SHUT_WR)); }},
  };
  for (const auto& [name, act] : attempts) EXPECT_EQ(SIGSYS, Send(act)) << name;
}

TEST_F(FilterTest, CannotGiveThePortANumberThatMayBeWritten) {
  EXPECT_EQ(SIGSYS, Send([](const FixedFds&) { Ignore(::dup(kPortFd)); }));
  EXPECT_EQ(SIGSYS, Send([](const FixedFds&) { Ignore(::dup2(kPortFd, kReportFd)); }));
  EXPECT_EQ(SIGSYS, Send([](const FixedFds&) { Ignore(::dup3(kPortFd, kPipeFd, 0)); }));
  EXPECT_EQ(SIGSYS, Send([](const FixedFds&) {
              ::close(kPipeFd);
              Ignore(::fcntl(kPortFd, F_DUPFD, kPipeFd));
            }));
  EXPECT_EQ(SIGSYS, Send([](const FixedFds& fds) {
              // hostd's number, the port's address.
              ::close(kReportFd);
              SocketSlot slot(kReportFd, fds.port);
              slot.Drop();
              Ignore(slot.Connect());
            }));
  EXPECT_EQ(SIGSYS, Send([](const FixedFds&) {
              int pair[2];
              Ignore(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
            }));
}

TEST_F(FilterTest, CannotChangeTheAddressOfHostd) {
  auto page = [](const FixedFds& fds) { return const_cast<sockaddr_un*>(fds.port); };
  EXPECT_EQ(SIGSEGV, Send([&](const FixedFds& fds) { page(fds)->sun_path[0] = 'x'; }));
  EXPECT_EQ(SIGSYS, Send([&](const FixedFds& fds) {
              Ignore(::mprotect(page(fds), 4096, PROT_READ | PROT_WRITE));
            }));
  EXPECT_EQ(SIGSYS, Send([&](const FixedFds& fds) { Ignore(::munmap(page(fds), 4096)); }));
  EXPECT_EQ(SIGSYS, Send([&](const FixedFds& fds) {
              Ignore(::mmap(page(fds), 4096, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
            }));
}

TEST_F(FilterTest, CannotReadThePipeFromTheSendHalf) {
  EXPECT_EQ(SIGSYS, Send([](const FixedFds&) {
              char byte = 0;
              Ignore(::read(kPipeFd, &byte, 1));
            }));
}

TEST_F(FilterTest, CannotWriteToThePipeFromTheReceiveHalf) {
  EXPECT_EQ(SIGSYS, Receive([](const FixedFds&) { Ignore(::write(kPipeFd, "x", 1)); }));
  EXPECT_EQ(SIGSYS, Receive([](const FixedFds&) {
              Ignore(::openat(kPipeDirFd, "pipe", O_WRONLY | O_NONBLOCK));
            }));
}

TEST_F(FilterTest, CannotReadThePortFromTheReceiveHalf) {
  EXPECT_EQ(SIGSYS, Receive([](const FixedFds&) {
              char byte = 0;
              Ignore(::recv(kPortFd, &byte, 1, MSG_DONTWAIT));
            }));
}

TEST_F(FilterTest, CannotReachTheNetworkNorStartPrograms) {
  using Act = std::function<void(const FixedFds&)>;
  for (const Act& act : {Act([](const FixedFds&) { Ignore(::socket(AF_INET, SOCK_STREAM, 0)); }),
                         Act([](const FixedFds&) { Ignore(::fork()); }), Act([](const FixedFds&) {
                           Ignore(::execl("/bin/true", "true", nullptr));
                         }),
                         Act([](const FixedFds&) { Ignore(::open("/etc/passwd", O_RDONLY)); })}) {
    EXPECT_EQ(SIGSYS, Send(act));
    EXPECT_EQ(SIGSYS, Receive(act));
  }
}

TEST_F(FilterTest, CannotOpenAFileOutsideTheSpool) {
  // By Landlock: the filter cannot see a path.
  EXPECT_EQ(0, Send([](const FixedFds&) {
              if (::openat(kSpoolFd, "/etc/passwd", O_RDONLY) >= 0) ::abort();
              if (::openat(kSpoolFd, "../port", O_RDONLY) >= 0) ::abort();
              if (::openat(kSpoolFd, "/proc/self/mem", O_RDWR) >= 0) ::abort();
              if (::openat(kSpoolFd, "own", O_RDWR | O_CREAT, 0600) < 0) ::abort();
            }));
}

#endif

}  // namespace
}  // namespace bulkhead::diode
