// SPDX-License-Identifier: GPL-2.0-or-later
/// Would the policy let this connection begin today? Decides which live connections a change ends.
#pragma once

#include <array>
#include <cstdint>

#include "netpolicy/policy.h"

namespace bulkhead::netpolicy {

/// The first direction of a tracked connection.
struct Connection {
  bool v6 = false;
  std::array<std::uint8_t, 16> source{};       ///< IPv4 in the first four bytes
  std::array<std::uint8_t, 16> destination{};  ///< likewise
  std::uint8_t transport = 0;
  std::uint16_t port = 0;      ///< destination; TCP, UDP
  std::uint8_t icmp_type = 0;  ///< ICMP, ICMPv6
};

/// As the rules in the level's `out` chain decide; the source is not looked at.
bool Allows(const LevelPolicy& policy, const Connection& connection);

}  // namespace bulkhead::netpolicy
