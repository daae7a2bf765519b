// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <functional>
#include <span>
#include <string>

#include "diode/fixed_fds.h"
#include "vmspec/base/confine.h"

namespace bulkhead::diode {

/// Takes from this process, for good, all but `paths` and the calls of `own`, of BothHalves() and
/// of a narrowed CommonSyscalls(): memory is never unmapped nor mapped at a place of one's choice,
/// so that the page with the two socket addresses stays what it is; no descriptor is duplicated.
/// @param say  is told when the kernel lacks Landlock
Status Confine(const FixedFds& fds, std::span<const PathRule> paths,
               std::span<const SyscallRule> own, const std::function<void(std::string)>& say);

/// malloc by brk alone, no SIGPIPE, OpenSSL loaded: to be called first thing in main.
void PrepareProcess();

}  // namespace bulkhead::diode
