// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <sys/ioctl.h>

#include "diode/fixed_fds.h"
#include "vmspec/base/confine.h"

namespace bulkhead::diode {

/// What the sending half may beside what both halves may (confinement.cc). There is no call by
/// which a byte could leave through kPortFd: `write` is bound to the pipe and the log, `sendto` to
/// hostd.
inline constexpr SyscallRule kSendHalfSyscalls[] = {
    {"recvfrom", SyscallRule::Arg{0, kPortFd}},   // what the level sends
    {"openat", SyscallRule::Arg{0, kPipeDirFd}},  // the pipe, again when its reader was restarted
    {"write", SyscallRule::Arg{0, kPipeFd}},      // the one way on
    {"ioctl", SyscallRule::Arg{1, FIONREAD}},     // how much of the pipe is not yet taken out
};

}  // namespace bulkhead::diode
