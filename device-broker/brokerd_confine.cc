// SPDX-License-Identifier: GPL-2.0-or-later
#include "device-broker/brokerd_confine.h"

#include <linux/fs.h>

#include <array>

#include "vmspec/base/confine.h"

namespace bulkhead::broker {

namespace {

constexpr std::array kCalls = {
    // hostd's connections, over a socket that was bound before
    SyscallRule{"accept4"},
    SyscallRule{"getsockopt"},
    SyscallRule{"sendmsg"},
    SyscallRule{"recvfrom"},
    // nodes, sysfs, state: Landlock says which files
    SyscallRule{"openat"},
    SyscallRule{"read"},
    SyscallRule{"getdents64"},
    SyscallRule{"readlink"},
    SyscallRule{"readlinkat"},
    // the tables of mounts and swaps, from their start
    SyscallRule{"lseek"},
    // the log, and state: written aside, synced, renamed
    SyscallRule{"write"},
    SyscallRule{"fchmod"},
    SyscallRule{"fsync"},
    SyscallRule{"rename"},
    SyscallRule{"unlink"},
    // which medium a descriptor is of; no other request to a device
    SyscallRule{"ioctl", SyscallRule::Arg{1, BLKGETDISKSEQ}},
};

}  // namespace

Status ConfineBrokerd(const Paths& paths) {
  const std::array<PathRule, 3> files = {
      // Writing is for media that the spec lends for writing; the nodes' modes say the rest.
      PathRule{"/dev", PathRule::Access::kReadWrite},
      PathRule{"/sys", PathRule::Access::kRead},
      PathRule{paths.BrokerState(), PathRule::Access::kReadWrite},
  };
  Status landlock = ApplyLandlock(files);
  // Debian 12's kernel may come without Landlock switched on; the system call table still holds.
  if (!landlock && landlock.error().code != ErrorCode::kUnavailable) return landlock;
  return ApplySeccomp(CommonSyscalls(), kCalls);
}

}  // namespace bulkhead::broker
