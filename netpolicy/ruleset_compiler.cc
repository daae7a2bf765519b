// SPDX-License-Identifier: GPL-2.0-or-later
#include "netpolicy/ruleset_compiler.h"

#include "netpolicy/level_name.h"
#include "netpolicy/matches.h"

namespace bulkhead::netpolicy {

namespace {

constexpr std::int32_t kPriorityFilter = 0;
constexpr std::int32_t kPrioritySourceNat = 100;

Chain BaseChain(std::string name, HookPoint point, std::int32_t priority, std::vector<Rule> rules) {
  return {Family::kInet, std::move(name), Hook{point, priority, false, ""}, std::move(rules)};
}

/// A tap that no map names: its level has no policy, so nothing passes.
Rule UnnamedTap(Field interface) {
  return Drop({InterfacePrefix(interface, kTapPrefix)}, "no policy");
}

std::vector<Match> ToPrefix(const vmspec::Prefix& to) {
  std::vector<Match> out = {Is(Field::kFamily, to.v6 ? kFamilyIp6 : kFamilyIp4)};
  if (to.length == 0) return out;
  std::size_t bytes = to.v6 ? 16 : 4;
  Match address{.field = to.v6 ? Field::kIp6Destination : Field::kIp4Destination};
  address.value.assign(to.address.begin(), to.address.begin() + static_cast<std::ptrdiff_t>(bytes));
  if (to.length < bytes * 8) {
    address.mask.assign(bytes, 0);
    for (unsigned bit = 0; bit < to.length; ++bit) {
      address.mask[bit / 8] |= static_cast<std::uint8_t>(0x80 >> (bit % 8));
    }
  }
  out.push_back(std::move(address));
  return out;
}

Match Ports(vmspec::PortRange range) {
  if (range.first == range.last) return Is16(Field::kDestinationPort, range.first);
  return {.field = Field::kDestinationPort,
          .value = BigEndian(range.first),
          .last = BigEndian(range.last)};
}

/// One rule per port range, all with the origin of the line they come from.
void AppendRule(const vmspec::NetRule& rule, Action action, std::vector<Rule>& out) {
  using vmspec::Protocol;
  std::vector<Match> matches = ToPrefix(rule.to);
  std::string origin = rule.origin.ToString();
  switch (rule.protocol) {
    case Protocol::kAny:
      break;
    case Protocol::kTcp:
    case Protocol::kUdp:
      matches.push_back(Is(Field::kTransport, rule.protocol == Protocol::kTcp ? kTcp : kUdp));
      break;
    case Protocol::kIcmp:
      matches.push_back(Is(Field::kTransport, rule.to.v6 ? kIcmp6 : kIcmp));
      matches.push_back(rule.to.v6 ? Is(Field::kIcmp6Type, 128) : Is(Field::kIcmpType, 8));
      break;
  }
  Rule all{matches, action, "", origin, {}};
  if (rule.ports.empty()) out.push_back(all);
  for (vmspec::PortRange range : rule.ports) {
    out.push_back(all);
    out.back().matches.push_back(Ports(range));
  }
}

/// Two of the largest packets that the kernel carries in one, which a bucket must hold to let one
/// through. The kernel adds a second's worth to it (nft_limit.c): so much can come at once after a
/// second of silence, whatever is asked for here.
constexpr std::uint32_t kBurstBytes = 128U << 10;

Rule DropOver(std::uint64_t bytes_per_s, std::vector<Match> matches, std::string origin) {
  Rule rule = Drop(std::move(matches), std::move(origin));
  rule.over = RateLimit{bytes_per_s, kBurstBytes};
  return rule;
}

/// What a level sends is judged by its rules packet by packet, established or not: a rule taken
/// away ends what it allowed. Another level's tap is not the uplink, so levels never meet.
Chain OutChain(const LevelPolicy& p) {
  std::vector<Rule> rules = {
      Drop({Not(Interface(Field::kOutputInterface, p.uplink_interface))}, "not the uplink"),
      Drop({ConnState(kCtInvalid)}, "invalid"),
  };
  // Any matching deny beats every allow, whatever the order in the file.
  for (const vmspec::NetRule& rule : p.deny) AppendRule(rule, Action::kDrop, rules);
  if (p.out_bytes_per_s != 0) rules.push_back(DropOver(p.out_bytes_per_s, {}, "limit out"));
  for (const vmspec::NetRule& rule : p.rules) AppendRule(rule, Action::kAccept, rules);
  rules.push_back(Drop({}, "default drop"));
  return {Family::kInet, ChainName(p.level, ChainRole::kOut), std::nullopt, std::move(rules)};
}

/// Nothing reaches a level but replies, and errors about what it sent.
Chain InChain(const LevelPolicy& p) {
  std::vector<Match> reply = {Is(Field::kConnDirection, 1), ConnState(kCtEstablished | kCtRelated)};
  std::vector<Rule> rules = {
      Drop({Not(Interface(Field::kInputInterface, p.uplink_interface))}, "not the uplink"),
      Drop({ConnState(kCtInvalid)}, "invalid"),
  };
  // What nobody asked for takes nothing of the limit: it could starve what somebody did.
  if (p.in_bytes_per_s != 0) rules.push_back(DropOver(p.in_bytes_per_s, reply, "limit in"));
  rules.push_back(Accept(reply, "reply"));
  rules.push_back(Drop({}, "default drop"));
  return {Family::kInet, ChainName(p.level, ChainRole::kIn), std::nullopt, std::move(rules)};
}

std::vector<Match> Icmp4(std::uint8_t type) {
  return {Is(Field::kFamily, kFamilyIp4), Is(Field::kTransport, kIcmp), Is(Field::kIcmpType, type)};
}
std::vector<Match> Icmp6(std::uint8_t first, std::uint8_t last) {
  return {Is(Field::kFamily, kFamilyIp6), Is(Field::kTransport, kIcmp6),
          first == last ? Is(Field::kIcmp6Type, first) : From(Field::kIcmp6Type, first, last)};
}
std::vector<Match> And(std::vector<Match> matches, Match more) {
  matches.push_back(std::move(more));
  return matches;
}
/// Solicitation and advertisement; hop limit 255 shows that no router passed them on (RFC 4861).
Rule NeighbourDiscovery() {
  return Accept(And(Icmp6(135, 136), Is(Field::kIp6HopLimit, 255)), "neighbour discovery");
}

/// The gateway answers pings and neighbour discovery; nothing else of the host is there for a
/// level.
Chain HostInChain(const LevelPolicy& p) {
  return {Family::kInet,
          ChainName(p.level, ChainRole::kHostIn),
          std::nullopt,
          {Accept(And(Icmp4(8), Is(Field::kIp4Destination, p.link.host4)), "gateway echo"),
           Accept(And(Icmp6(128, 128), Is(Field::kIp6Destination, p.link.host6)), "gateway echo"),
           NeighbourDiscovery(), Drop({}, "host")}};
}

/// Echo replies and the errors that path MTU discovery and traceroute need.
Chain HostOutChain(const LevelPolicy& p) {
  return {Family::kInet,
          ChainName(p.level, ChainRole::kHostOut),
          std::nullopt,
          {Accept(Icmp4(0), "gateway echo reply"), Accept(Icmp4(3), "gateway error"),
           Accept(Icmp4(11), "gateway error"), Accept(Icmp6(129, 129), "gateway echo reply"),
           Accept(Icmp6(1, 3), "gateway error"), NeighbourDiscovery(), Drop({}, "host")}};
}

std::vector<Element> ElementsOf(const LevelPolicy& p) {
  const std::string& tap = p.link.interface;
  std::vector<Element> out = {
      {names::kForwardFrom, tap, ChainName(p.level, ChainRole::kOut)},
      {names::kForwardTo, tap, ChainName(p.level, ChainRole::kIn)},
      {names::kInputFrom, tap, ChainName(p.level, ChainRole::kHostIn)},
      {names::kOutputTo, tap, ChainName(p.level, ChainRole::kHostOut)},
  };
  if (p.nat) out.push_back({names::kNatFrom, tap, ""});
  return out;
}

}  // namespace

RulesetFrame CompileFrame() {
  Rule masquerade{
      {InSet(Field::kInputInterface, names::kNatFrom)}, Action::kMasquerade, "", "", {}};
  RulesetFrame frame;
  frame.maps = AllMaps();
  frame.chains = {
      BaseChain("forward", HookPoint::kForward, kPriorityFilter,
                {Dispatch(Field::kInputInterface, names::kForwardFrom),
                 Dispatch(Field::kOutputInterface, names::kForwardTo),
                 UnnamedTap(Field::kInputInterface), UnnamedTap(Field::kOutputInterface)}),
      BaseChain("input", HookPoint::kInput, kPriorityFilter,
                {Dispatch(Field::kInputInterface, names::kInputFrom),
                 UnnamedTap(Field::kInputInterface)}),
      BaseChain("output", HookPoint::kOutput, kPriorityFilter,
                {Dispatch(Field::kOutputInterface, names::kOutputTo),
                 UnnamedTap(Field::kOutputInterface)}),
      BaseChain("postrouting", HookPoint::kPostrouting, kPrioritySourceNat, {masquerade}),
  };
  return frame;
}

LevelRules CompileRules(const LevelPolicy& policy) {
  LevelRules out;
  out.level = policy.level;
  out.interface = policy.link.interface;
  out.chains = {OutChain(policy), InChain(policy), HostInChain(policy), HostOutChain(policy),
                CompileAntiSpoof(policy)};
  out.elements = ElementsOf(policy);
  return out;
}

Ruleset CompileRuleset(const std::vector<LevelPolicy>& policies) {
  Ruleset out{CompileFrame(), {}};
  for (const LevelPolicy& policy : policies) out.levels.push_back(CompileRules(policy));
  return out;
}

}  // namespace bulkhead::netpolicy
