// SPDX-License-Identifier: GPL-2.0-or-later
/// Ethernet frames as a guest could write them, right or forged.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "netpolicy/policy.h"

namespace bulkhead::netpolicy {

using Ip4 = std::array<std::uint8_t, 4>;
using Ip6 = std::array<std::uint8_t, 16>;

Ip4 Address4(const char* text);
Ip6 Address6(const char* text);

/// Who a frame claims to be from, and where it goes.
struct Ends4 {
  MacAddress from_mac, to_mac;
  Ip4 from, to;
};
struct Ends6 {
  MacAddress from_mac, to_mac;
  Ip6 from, to;
};

Bytes Ethernet(const MacAddress& from, const MacAddress& to, std::uint16_t type, ByteView payload);
/// Transport payloads carry `mark`, by which a sniffer knows them again.
Bytes Udp4(const Ends4& ends, std::uint16_t port, std::string_view mark);
Bytes Udp6(const Ends6& ends, std::uint16_t port, std::string_view mark);
Bytes Tcp4(const Ends4& ends, std::uint16_t port, std::uint8_t flags, std::string_view mark);
Bytes Icmp4(const Ends4& ends, std::uint8_t type, std::string_view mark);
Bytes Icmp6(const Ends6& ends, std::uint8_t type, std::string_view mark);
/// `operation` 1 asks, 2 answers. `sender` and `address` are what it claims inside.
Bytes Arp(const MacAddress& from, std::uint16_t operation, const MacAddress& sender,
          const Ip4& address, const Ip4& target);
/// Type 135 or 136 with hop limit 255 and no option but the sender's MAC.
Bytes Neighbour(const Ends6& ends, std::uint8_t type, const Ip6& target);

}  // namespace bulkhead::netpolicy
