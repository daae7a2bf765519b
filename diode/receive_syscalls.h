// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "diode/fixed_fds.h"
#include "vmspec/base/confine.h"

namespace bulkhead::diode {

/// What the receiving half may beside what both halves may (confinement.cc). Nothing can be written
/// to kPipeFd, and nothing is read from kPortFd.
inline constexpr SyscallRule kReceiveHalfSyscalls[] = {
    {"read", SyscallRule::Arg{0, kPipeFd}},    // what the sending half sends
    {"sendto", SyscallRule::Arg{0, kPortFd}},  // the one way on
};

}  // namespace bulkhead::diode
