// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>

#include "vmspec/codes.h"
#include "vmspec/draft.h"

namespace bulkhead::vmspec {

namespace {

// netpolicy/check_policy.h holds the same.
constexpr std::size_t kMaxRules = 1024;
constexpr std::size_t kMaxKernelRules = 4096;
constexpr std::size_t kMaxCommentBytes = 256;
/// In the order of enum Protocol.
const std::string kProtocols[] = {"any", "tcp", "udp", "icmp"};

/// `tcp`, `udp` and `protocol`: at most one of them, since a rule is one sentence.
void ReadProtocol(TableReader& table, NetRule& rule, Faults& faults) {
  Field tcp = table.Optional("tcp");
  Field udp = table.Optional("udp");
  Field protocol = table.Optional("protocol");
  if (auto ports = ReadPorts(tcp, faults)) rule.ports = *ports;
  if (auto ports = ReadPorts(udp, faults)) rule.ports = *ports;
  auto word = ReadWord(protocol, kProtocols, faults);
  if (int{!!tcp} + int{!!udp} + int{!!protocol} > 1) {
    faults.Error(codes::kExclusiveKeys, "a rule has only one of \"tcp\", \"udp\" and \"protocol\"",
                 table.origin(), {}, "write one rule for each protocol");
  }
  rule.protocol = tcp    ? Protocol::kTcp
                  : udp  ? Protocol::kUdp
                  : word ? static_cast<Protocol>(*word)
                         : Protocol::kAny;
}

/// Nothing when it has no usable address: a rule to nowhere must not become one to 0.0.0.0.
std::optional<NetRule> ReadRule(const Node& node, Faults& faults) {
  TableReader table(node, "allow", faults);
  NetRule rule;
  rule.origin = node.origin;
  auto to = ReadPrefix(table.Required("to"), faults);
  ReadProtocol(table, rule, faults);
  rule.comment = ReadText(table.Optional("comment"), kMaxCommentBytes, faults).value_or("");
  table.Finish();
  if (!to) return std::nullopt;
  rule.to = *to;
  return rule;
}

std::vector<NetRule> ReadRules(const Field& field, Faults& faults) {
  std::vector<NetRule> rules;
  if (!field) return rules;
  const Array* list = field.node->As<Array>();
  if (list == nullptr) {
    faults.Error(codes::kWrongType,
                 "\"allow\" must be a list of rules, not " + std::string(field.node->TypeName()),
                 field.node->origin);
    return rules;
  }
  if (list->size() > kMaxRules) {
    faults.Error(codes::kTooMany, "a level has at most 1,024 rules", field.node->origin);
    return rules;
  }
  std::size_t in_kernel = 0;
  for (const Node& node : *list) {
    auto rule = ReadRule(node, faults);
    if (!rule) continue;
    in_kernel += std::max<std::size_t>(rule->ports.size(), 1);
    rules.push_back(std::move(*rule));
  }
  if (in_kernel > kMaxKernelRules) {
    faults.Error(codes::kTooMany, "a level has at most 4,096 rules and port ranges in all",
                 field.node->origin);
  }
  return rules;
}

std::string ReadUplinkName(const Field& field, const Draft& draft, Faults& faults) {
  auto name = draft.uplink_names ? ReadReference(field, "uplink", *draft.uplink_names,
                                                 codes::kUnknownUplink, faults)
                                 : ReadName(field, faults);
  return name.value_or("");
}

}  // namespace

LevelNetwork ReadLevelNetwork(const Field& field, const Draft& draft, Faults& faults) {
  LevelNetwork network;
  if (!field) return network;
  TableReader table(*field.node, field.name, faults);
  Field uplink = table.Optional("uplink");
  Field allow = table.Optional("allow");
  network.origin = uplink ? uplink.node->origin : table.origin();
  network.uplink = ReadUplinkName(uplink, draft, faults);
  network.allow = ReadRules(allow, faults);
  if (allow && !uplink) {
    faults.Error(codes::kAllowWithoutUplink, "\"allow\" without \"uplink\" allows nothing",
                 allow.node->origin, {}, "name the uplink: uplink = \"...\"");
  }
  table.Finish();
  return network;
}

}  // namespace bulkhead::vmspec
