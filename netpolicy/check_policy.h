// SPDX-License-Identifier: GPL-2.0-or-later
/// What a policy may hold, whoever sends it. Pure.
#pragma once

#include "netpolicy/policy.h"

namespace bulkhead::netpolicy {

inline constexpr std::uint32_t kMaxRules = 1024;
inline constexpr std::uint32_t kMaxPortsPerRule = 64;
/// Rules in the kernel that a policy may become: a port range is one.
inline constexpr std::uint32_t kMaxKernelRules = 4096;

/// kInvalid names the field. Everything that follows from name and uid is computed here again and
/// compared: a confused hostd cannot give a level another's interface, MAC or an address that is
/// none.
Status CheckPolicy(const LevelPolicy& policy);

}  // namespace bulkhead::netpolicy
