// SPDX-License-Identifier: GPL-2.0-or-later
#include "diode/confinement.h"

#include <malloc.h>
#include <sys/socket.h>

#include <algorithm>
#include <csignal>
#include <string_view>
#include <vector>

#include "vmspec/base/sha256.h"

namespace bulkhead::diode {

namespace {

using Arg = SyscallRule::Arg;

std::vector<SyscallRule> NarrowedCommon() {
  std::vector<SyscallRule> rules(CommonSyscalls().begin(), CommonSyscalls().end());
#if !defined(__SANITIZE_ADDRESS__)
  std::erase_if(rules, [](const SyscallRule& rule) {
    std::string_view name = rule.name;
    return name == "fcntl" || name == "mmap" || name == "munmap" || name == "mremap";
  });
  rules.push_back({"mmap", Arg{0, 0}});
#endif
  return rules;
}

/// What both halves do: the spool, hostd, the log, fresh sockets for the two fixed numbers.
std::vector<SyscallRule> BothHalves(const FixedFds& fds) {
  auto address = [](const sockaddr_un* a) { return reinterpret_cast<std::uint64_t>(a); };
  return {
      {"openat", Arg{0, kSpoolFd}},
      {"renameat", Arg{0, kSpoolFd}, Arg{2, kSpoolFd}},
      {"unlinkat", Arg{0, kSpoolFd}},
      // These three fail on sockets and pipes, so any descriptor will do.
      {"pwrite64"},
      {"pread64"},
      {"fallocate"},
      {"ftruncate"},
      {"fsync"},
      {"sync_file_range"},
      {"socket", Arg{0, AF_UNIX}, Arg{1, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK}},
      // A number can only ever be connected to its own address.
      {"connect", Arg{0, kPortFd}, Arg{1, address(fds.port)}},
      {"connect", Arg{0, kReportFd}, Arg{1, address(fds.report)}},
      {"sendto", Arg{0, kReportFd}},
      {"recvfrom", Arg{0, kReportFd}},
      {"write", Arg{0, 2}},
  };
}

}  // namespace

void PrepareProcess() {
  // Memory that malloc got by mmap would have to be unmapped, which the filter does not allow.
  ::mallopt(M_MMAP_MAX, 0);
  std::signal(SIGPIPE, SIG_IGN);
  // The first digest reads OpenSSL's configuration.
  (void)Sha256Of({});
}

Status Confine(const FixedFds& fds, std::span<const PathRule> paths,
               std::span<const SyscallRule> own, const std::function<void(std::string)>& say) {
  if (auto s = ApplyLandlock(paths); !s) {
    if (s.error().code != ErrorCode::kUnavailable) return s;
    say(s.error().message + "; uid and system call filter alone keep files away");
  }
  auto rules = BothHalves(fds);
  rules.insert(rules.end(), own.begin(), own.end());
  return ApplySeccomp(NarrowedCommon(), rules);
}

}  // namespace bulkhead::diode
