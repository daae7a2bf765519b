// SPDX-License-Identifier: GPL-2.0-or-later
#include "netpolicy/allows.h"

#include <algorithm>

#include "netpolicy/matches.h"

namespace bulkhead::netpolicy {

namespace {

bool Covers(const vmspec::Prefix& prefix, const Connection& c) {
  if (prefix.v6 != c.v6) return false;
  for (unsigned bit = 0; bit < prefix.length; ++bit) {
    unsigned mask = 0x80U >> (bit % 8);
    if ((prefix.address[bit / 8] & mask) != (c.destination[bit / 8] & mask)) return false;
  }
  return true;
}

bool CoversPort(const vmspec::NetRule& rule, std::uint16_t port) {
  return rule.ports.empty() || std::ranges::any_of(rule.ports, [port](vmspec::PortRange range) {
           return range.first <= port && port <= range.last;
         });
}

bool CoversTransport(const vmspec::NetRule& rule, const Connection& c) {
  using vmspec::Protocol;
  switch (rule.protocol) {
    case Protocol::kAny:
      return true;
    case Protocol::kTcp:
      return c.transport == kTcp && CoversPort(rule, c.port);
    case Protocol::kUdp:
      return c.transport == kUdp && CoversPort(rule, c.port);
    case Protocol::kIcmp:
      return c.v6 ? c.transport == kIcmp6 && c.icmp_type == 128
                  : c.transport == kIcmp && c.icmp_type == 8;
  }
  return false;
}

}  // namespace

bool Allows(const LevelPolicy& policy, const Connection& connection) {
  auto covers = [&](const vmspec::NetRule& rule) {
    return Covers(rule.to, connection) && CoversTransport(rule, connection);
  };
  return std::ranges::none_of(policy.deny, covers) && std::ranges::any_of(policy.rules, covers);
}

}  // namespace bulkhead::netpolicy
