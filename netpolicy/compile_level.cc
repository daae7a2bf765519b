// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>

#include "netpolicy/check_policy.h"
#include "netpolicy/policy.h"
#include "vmspec/base/identity.h"
#include "vmspec/base/sanitize.h"

namespace bulkhead::netpolicy {

namespace {

/// Two levels whose long names shorten to one interface would share a tap: neither may run.
Status CheckInterfaceIsOnly(const vmspec::SpecSet& spec, const std::string& level) {
  std::string interface = InterfaceName(level);
  for (const auto& [other, unused] : spec.levels) {
    if (other == level || InterfaceName(other) != interface) continue;
    return Fail(ErrorCode::kInvalid, "levels " + Printable(level, 64) + " and " +
                                         Printable(other, 64) + " would both have the interface " +
                                         interface + ": rename one of them");
  }
  return {};
}

bool HasEnded(const vmspec::NetRule& rule, std::int64_t now_unix_s) {
  return rule.until_unix_s != 0 && rule.until_unix_s <= now_unix_s;
}

/// Those of `rules` that hold now, without what the kernel has no use for: netd trusts no text that
/// it does not need.
std::vector<vmspec::NetRule> RulesThatHold(const std::vector<vmspec::NetRule>& rules,
                                           std::int64_t now_unix_s) {
  std::vector<vmspec::NetRule> hold;
  for (const vmspec::NetRule& rule : rules) {
    if (HasEnded(rule, now_unix_s)) continue;
    hold.push_back(rule);
    hold.back().comment.clear();
    hold.back().until_unix_s = 0;
  }
  return hold;
}

/// Rounded down, but a limit never becomes none.
std::uint64_t BytesOf(std::uint64_t bits) {
  return bits == 0 ? 0 : std::max<std::uint64_t>(bits / 8, 1);
}

}  // namespace

Result<std::optional<LevelPolicy>> CompileLevel(const vmspec::SpecSet& spec,
                                                const std::string& level, std::uint32_t index,
                                                std::int64_t now_unix_s) {
  auto found = spec.levels.find(level);
  if (found == spec.levels.end())
    return Fail(ErrorCode::kNotFound, "there is no level " + Printable(level, 64));
  const vmspec::LevelNetwork& network = found->second.network;
  if (network.uplink.empty()) return std::nullopt;

  auto uplink = spec.uplinks.find(network.uplink);
  if (uplink == spec.uplinks.end()) {
    return Fail(ErrorCode::kInvalid, Printable(network.origin.ToString()) + ": level " +
                                         Printable(level, 64) + " names the uplink " +
                                         Printable(network.uplink, 64) +
                                         ", which networks.toml does not have");
  }
  if (Status only = CheckInterfaceIsOnly(spec, level); !only) return Propagate(only);
  auto link = LinkFor(spec, found->second, index);
  if (!link) return Propagate(link);

  LevelPolicy policy;
  policy.level = level;
  policy.uid = LevelUid(index);
  policy.link = *link;
  policy.uplink_interface = uplink->second.interface;
  policy.nat = uplink->second.kind == vmspec::UplinkKind::kNat;
  policy.rules = RulesThatHold(network.allow, now_unix_s);
  policy.deny = RulesThatHold(network.deny, now_unix_s);
  policy.out_bytes_per_s = BytesOf(network.out_bits_per_s);
  policy.in_bytes_per_s = BytesOf(network.in_bits_per_s);
  if (Status ok = CheckPolicy(policy); !ok) return Propagate(ok, "level " + Printable(level, 64));
  return policy;
}

std::optional<std::int64_t> NextRuleEnd(const vmspec::Level& level, std::int64_t now_unix_s) {
  std::optional<std::int64_t> next;
  for (const auto* rules : {&level.network.allow, &level.network.deny}) {
    for (const vmspec::NetRule& rule : *rules) {
      if (rule.until_unix_s > now_unix_s && (!next || rule.until_unix_s < *next))
        next = rule.until_unix_s;
    }
  }
  return next;
}

}  // namespace bulkhead::netpolicy
