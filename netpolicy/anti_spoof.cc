// SPDX-License-Identifier: GPL-2.0-or-later
#include "netpolicy/level_name.h"
#include "netpolicy/matches.h"
#include "netpolicy/ruleset_compiler.h"

namespace bulkhead::netpolicy {

namespace {

// Before any other chain that somebody may hang on the tap.
constexpr std::int32_t kPriorityFirst = -500;
constexpr std::array<std::uint8_t, 6> kArpEthernetIp4 = {0, 1, 8, 0, 6, 4};
constexpr std::array<std::uint8_t, 16> kUnspecified{};

using Address6 = std::array<std::uint8_t, 16>;

struct Ends6 {
  Address6 guest, guest_local, host, host_local;
};

Ends6 EndsOf(const LevelLink& link) {
  return {link.guest6, LinkLocal(link.mac), link.host6, LinkLocal(HostMac(link.mac))};
}

Rule Neighbour(std::uint8_t type, const Address6& source, const Address6& target,
               const std::string& origin) {
  return Accept({Is16(Field::kEtherType, kEtherIp6), Is(Field::kTransport, kIcmp6),
                 Is(Field::kIcmp6Type, type), Is(Field::kIp6HopLimit, 255),
                 Is(Field::kIp6Source, source), Is(Field::kNdTarget, target)},
                origin);
}

/// It may ask for the gateway, defend its own addresses and probe them; router advertisements and
/// redirects (133, 134, 137) are nobody's to send.
void AppendNeighbourDiscovery(const LevelLink& link, std::vector<Rule>& out) {
  Ends6 ends = EndsOf(link);
  for (const Address6& source : {ends.guest, ends.guest_local}) {
    for (const Address6& target : {ends.host, ends.host_local}) {
      out.push_back(Neighbour(135, source, target, "own nd solicitation"));
    }
    for (const Address6& target : {ends.guest, ends.guest_local}) {
      out.push_back(Neighbour(136, source, target, "own nd advertisement"));
    }
  }
  for (const Address6& target : {ends.guest, ends.guest_local}) {
    out.push_back(Neighbour(135, kUnspecified, target, "own nd probe"));
  }
  out.push_back(Drop({Is16(Field::kEtherType, kEtherIp6), Is(Field::kTransport, kIcmp6),
                      From(Field::kIcmp6Type, 133, 137)},
                     "anti-spoof nd"));
}

}  // namespace

Chain CompileAntiSpoof(const LevelPolicy& policy) {
  const LevelLink& link = policy.link;
  Match arp = Is16(Field::kEtherType, kEtherArp);
  Match ip4 = Is16(Field::kEtherType, kEtherIp4);
  Match ip6 = Is16(Field::kEtherType, kEtherIp6);
  std::vector<Rule> rules = {
      Drop({Not(Is(Field::kEtherSource, link.mac))}, "anti-spoof mac"),
      Accept({ip4, Is(Field::kIp4Source, link.guest4)}, "own ipv4"),
      Drop({ip4}, "anti-spoof ipv4"),
      Accept({arp, Is(Field::kArpForm, kArpEthernetIp4), Is(Field::kArpSenderMac, link.mac),
              Is(Field::kArpSenderIp, link.guest4)},
             "own arp"),
      Drop({arp}, "anti-spoof arp"),
      // Most packets are judged here, before the neighbour discovery that follows.
      Accept({ip6, Not(Is(Field::kTransport, kIcmp6)), Is(Field::kIp6Source, link.guest6)},
             "own ipv6"),
  };
  AppendNeighbourDiscovery(link, rules);
  rules.push_back(Accept({ip6, Is(Field::kIp6Source, link.guest6)}, "own ipv6"));
  // Multicast listener reports and the like: no harm meant, nothing here needs them.
  rules.push_back(Drop({ip6, Is(Field::kIp6Source, LinkLocal(link.mac))}, "link-local"));
  rules.push_back(Drop({ip6}, "anti-spoof ipv6"));
  rules.push_back(Drop({}, "anti-spoof ethertype"));
  Hook hook{HookPoint::kIngress, kPriorityFirst, true, link.interface};
  return {Family::kNetdev, ChainName(policy.level, ChainRole::kTap), hook, std::move(rules)};
}

}  // namespace bulkhead::netpolicy
