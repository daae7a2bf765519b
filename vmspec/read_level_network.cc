// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>

#include "vmspec/codes.h"
#include "vmspec/draft.h"
#include "vmspec/scalars.h"

namespace bulkhead::vmspec {

namespace {

// netpolicy/check_policy.h holds the same.
constexpr std::size_t kMaxKernelRules = 4096;

/// Nothing when it has no usable address: a rule to nowhere must not become one to 0.0.0.0.
std::optional<NetRule> ReadRule(const Node& node, std::string_view list, TableReader& network) {
  TableReader table = network.Below(list, node);
  NetRule rule;
  rule.origin = node.origin;
  const Node* to = table.Find("to");
  bool sound =
      to != nullptr && ReadDestination(*FindKey(table.schema(), "to"), *to, rule, table.faults());
  ReadProtocol(table, rule.protocol, rule.ports);
  std::string until;
  table.Read("until", until);
  rule.until_unix_s = ParseMoment(until).value_or(0);
  table.Read("comment", rule.comment);
  table.Finish();
  return sound ? std::optional(std::move(rule)) : std::nullopt;
}

std::vector<NetRule> ReadRules(std::string_view key, TableReader& network) {
  std::vector<NetRule> rules;
  std::size_t in_kernel = 0;
  for (const Node* node : network.Tables(key)) {
    auto rule = ReadRule(*node, key, network);
    if (!rule) continue;
    in_kernel += std::max<std::size_t>(rule->ports.size(), 1);
    rules.push_back(std::move(*rule));
  }
  if (in_kernel > kMaxKernelRules) {
    network.faults().Error(codes::kTooMany,
                           "a level has at most 4,096 rules and port ranges in all",
                           network.OriginOf(key));
  }
  return rules;
}

void ReadAddress(TableReader& table, std::string_view key, bool v6, std::optional<Prefix>& target) {
  auto address = table.GetPrefix(key);
  if (!address) return;
  if (address->v6 == v6) {
    target = address;
    return;
  }
  table.faults().Error(codes::kBadPrefix,
                       address->ToString() + " is no IPv" + (v6 ? "6" : "4") + " address",
                       table.OriginOf(key));
}

}  // namespace

void ReadLevelNetwork(TableReader& table, LevelNetwork& network) {
  network.origin = table.OriginOf("uplink");
  table.Read("uplink", network.uplink);
  network.allow = ReadRules("allow", table);
  network.deny = ReadRules("deny", table);
  ReadAddress(table, "ipv4", false, network.address4);
  ReadAddress(table, "ipv6", true, network.address6);
  table.Read("dns", network.dns);
  table.Read("bandwidth-out", network.out_bits_per_s);
  table.Read("bandwidth-in", network.in_bits_per_s);
  if (table.Has("allow") && !table.Has("uplink")) {
    table.faults().Error(codes::kAllowWithoutUplink, "\"allow\" without \"uplink\" allows nothing",
                         table.OriginOf("allow"), {}, "name the uplink: uplink = \"...\"");
  }
  table.Finish();
}

}  // namespace bulkhead::vmspec
