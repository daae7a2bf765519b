// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "vmspec/base/error.h"
#include "vmspec/base/paths.h"

namespace bulkhead::broker {

/// Takes from this process what brokerd does not need: new privileges, files but the device nodes,
/// sysfs and its own state, system calls but those in the table beside it. The tables of mounts and
/// swaps are open before.
Status ConfineBrokerd(const Paths& paths);

}  // namespace bulkhead::broker
