// SPDX-License-Identifier: GPL-2.0-or-later
/// Invariant I6: no declared way lets information flow against the lattice.
#include <algorithm>
#include <map>

#include "vmspec/codes.h"
#include "vmspec/did_you_mean.h"
#include "vmspec/draft.h"

namespace bulkhead::vmspec {

namespace {

/// `"low" (rank 0)`, `"high" (rank 2 {hq})`
std::string Describe(const std::string& name, const Label& label) {
  return "\"" + name + "\" (rank " + label.ToString() + ")";
}

std::string InClear(const std::string& from, const Label& from_label, const std::string& to,
                    const Label& to_label) {
  return "information can flow from " + Describe(from, from_label) + " to " +
         Describe(to, to_label) + " in clear";
}

/// What `low` would need to dominate `high`: "at least rank 2 and the compartment "hq"".
std::string WhatIsMissing(const Label& low, const Label& high) {
  std::vector<std::string> missing;
  std::set_difference(high.compartments.begin(), high.compartments.end(), low.compartments.begin(),
                      low.compartments.end(), std::back_inserter(missing));
  std::string out;
  if (low.rank < high.rank) out = "at least rank " + std::to_string(high.rank);
  if (missing.empty()) return out;
  if (!out.empty()) out += " and ";
  return out + (missing.size() == 1 ? "the compartment " : "the compartments ") + Listed(missing);
}

void CheckFlow(const Flow& flow, const Draft& draft, Faults& faults) {
  if (flow.from.empty() || flow.to.empty()) return;
  if (flow.from == flow.to) {
    faults.Error(codes::kFlowToItself, "the flow leads from \"" + flow.from + "\" to itself",
                 flow.origin);
    return;
  }
  if (draft.levels_without_label.contains(flow.from) ||
      draft.levels_without_label.contains(flow.to)) {
    return;
  }
  const Label& from = draft.spec.levels.at(flow.from).label;
  const Label& to = draft.spec.levels.at(flow.to).label;
  if (to.Dominates(from)) return;
  std::string help = "a transfer leads to a level that dominates: give \"" + flow.to + "\" " +
                     WhatIsMissing(to, from) +
                     (from.Dominates(to) ? ", or turn the flow round" : "");
  faults.Error(codes::kFlowAgainstLattice, InClear(flow.from, from, flow.to, to), flow.origin,
               "the label of \"" + flow.to + "\" does not dominate that of \"" + flow.from + "\"",
               help);
}

void CheckUplink(const Level& level, const Draft& draft, Faults& faults) {
  const std::string& name = level.network.uplink;
  // Without an allow rule nothing leaves and, since only answers come in, nothing enters.
  if (name.empty() || level.network.allow.empty() || draft.uplinks_without_label.contains(name) ||
      draft.levels_without_label.contains(level.name) || !draft.spec.uplinks.contains(name)) {
    return;
  }
  const Label& uplink = draft.spec.uplinks.at(name).label;
  std::string help = "a connection carries both ways: attach \"" + level.name +
                     "\" to an uplink of its own label, or take its allow rules away";
  if (!uplink.Dominates(level.label)) {
    faults.Error(codes::kLeavesByUplink, InClear(level.name, level.label, name, uplink),
                 level.network.origin,
                 "the uplink's label does not dominate that of \"" + level.name + "\"", help);
  }
  if (!level.label.Dominates(uplink)) {
    faults.Error(codes::kEntersByUplink, InClear(name, uplink, level.name, level.label),
                 level.network.origin,
                 "the label of \"" + level.name + "\" does not dominate the uplink's", help);
  }
}

/// Two uplinks on one interface are one network: it has one label.
void CheckSharedInterfaces(const Draft& draft, Faults& faults) {
  std::map<std::string, const Uplink*> seen;
  for (const auto& [name, uplink] : draft.spec.uplinks) {
    if (uplink.interface.empty() || draft.uplinks_without_label.contains(name)) continue;
    auto [first, is_new] = seen.emplace(uplink.interface, &uplink);
    if (is_new || first->second->label == uplink.label) continue;
    faults.Error(codes::kSharedInterface,
                 "the uplinks " + Describe(first->second->name, first->second->label) + " and " +
                     Describe(name, uplink.label) + " are one network, with two labels",
                 uplink.origin, "both are interface " + Quoted(uplink.interface));
  }
}

/// A deny rule that no device escapes: the level is lent no storage whatever its mode.
bool DeniesAllStorage(const DeviceRule& rule, const std::string& level) {
  return rule.deny && (rule.level == "*" || rule.level == level) && rule.path.empty() &&
         rule.serial.empty();
}

/// The levels that a medium can be lent to, and whose label is known.
std::vector<const Level*> LevelsWithStorage(const Draft& draft) {
  std::vector<const Level*> out;
  for (const auto& [name, level] : draft.spec.levels) {
    bool denied = std::any_of(
        draft.spec.device_rules.begin(), draft.spec.device_rules.end(),
        [&level = level](const DeviceRule& rule) { return DeniesAllStorage(rule, level.name); });
    bool lent = level.Device(DeviceClass::kStorage).mode != GrantMode::kNone && !denied;
    if (lent && !draft.levels_without_label.contains(name)) out.push_back(&level);
  }
  return out;
}

/// `writer` may write a medium that `reader` may be lent afterwards.
void CheckMedium(const Level& writer, const Level& reader, Faults& faults) {
  if (reader.label.Dominates(writer.label)) return;
  faults.Error(
      codes::kMediumAgainstLattice, InClear(writer.name, writer.label, reader.name, reader.label),
      writer.Device(DeviceClass::kStorage).origin, "\"" + writer.name + "\" may write a medium",
      "\"" + reader.name + "\" may read it afterwards (" +
          reader.Device(DeviceClass::kStorage).origin.ToString() + "): make media read-only in \"" +
          writer.name + "\" (write = false), or lend none to \"" + reader.name + "\"");
}

}  // namespace

void CheckFlows(const Draft& draft, Faults& faults) {
  for (const auto& [name, flow] : draft.spec.flows) CheckFlow(flow, draft, faults);
}

void CheckUplinks(const Draft& draft, Faults& faults) {
  CheckSharedInterfaces(draft, faults);
  for (const auto& [name, level] : draft.spec.levels) CheckUplink(level, draft, faults);
}

void CheckStorage(const Draft& draft, Faults& faults) {
  std::vector<const Level*> levels = LevelsWithStorage(draft);
  for (const Level* writer : levels) {
    if (!writer->Device(DeviceClass::kStorage).write) continue;
    for (const Level* reader : levels) CheckMedium(*writer, *reader, faults);
  }
}

}  // namespace bulkhead::vmspec
