// SPDX-License-Identifier: GPL-2.0-or-later
/// What follows from a level's name or index alone. Pure.
#pragma once

#include <array>
#include <string_view>

#include "netpolicy/policy.h"

namespace bulkhead::netpolicy {

/// Every tap's name begins so, and the ruleset drops what comes from or goes to any interface with
/// this prefix that no policy names.
inline constexpr std::string_view kTapPrefix = "bh-";

/// [a-z][a-z0-9-]{0,30}
bool IsLevelName(std::string_view name);

/// 02:62:68:INDEX:02, and of the host's end ...:01. The host's is fixed too, so that its link-local
/// address is known when the rules are compiled.
MacAddress GuestMac(std::uint32_t index);
MacAddress HostMac(const MacAddress& guest);

/// fe80::/64 with the EUI-64 of `mac` (RFC 4291, appendix A).
std::array<std::uint8_t, 16> LinkLocal(const MacAddress& mac);

}  // namespace bulkhead::netpolicy
