// SPDX-License-Identifier: GPL-2.0-or-later
#include "netpolicy/netd_confine.h"

#include <linux/if_tun.h>
#include <linux/netlink.h>
#include <sys/ioctl.h>

#include <array>

#include "vmspec/base/confine.h"

namespace bulkhead::netpolicy {

namespace {

constexpr std::array kCalls = {
    // hostd's connections and netlink, over sockets opened before
    SyscallRule{"accept4"},
    SyscallRule{"getsockopt"},
    SyscallRule{"setsockopt"},
    SyscallRule{"sendmsg"},
    SyscallRule{"sendto"},
    SyscallRule{"recvmsg"},
    SyscallRule{"recvfrom"},
    // /dev/net/tun and /proc/sys/net: Landlock says which files
    SyscallRule{"openat"},
    SyscallRule{"read"},
    SyscallRule{"write"},
    SyscallRule{"getdents64"},
    SyscallRule{"access"},
    SyscallRule{"faccessat2"},
    // a new tap
    SyscallRule{"ioctl", SyscallRule::Arg{1, TUNSETIFF}},
    SyscallRule{"ioctl", SyscallRule::Arg{1, TUNSETOWNER}},
    SyscallRule{"ioctl", SyscallRule::Arg{1, TUNSETGROUP}},
    SyscallRule{"ioctl", SyscallRule::Arg{1, TUNSETPERSIST}},
};

}  // namespace

Status ConfineNetd() {
  const std::array<PathRule, 2> files = {
      PathRule{"/dev/net/tun", PathRule::Access::kReadWrite},
      PathRule{"/proc/sys/net", PathRule::Access::kReadWrite},
  };
  Status landlock = ApplyLandlock(files);
  // Debian 12's kernel may come without Landlock switched on; the system call table still holds.
  if (!landlock && landlock.error().code != ErrorCode::kUnavailable) return landlock;
  return ApplySeccomp(CommonSyscalls(), kCalls);
}

}  // namespace bulkhead::netpolicy
