// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/lower/lower_devices.h"

#include <algorithm>

namespace bulkhead::hostd {

namespace {

using vmspec::DeviceClass;
using vmspec::DeviceRule;
using vmspec::KnownDevice;

/// In doubt a deny matches and an allow does not: what the set does not say of the device, the rule
/// may mean.
bool MayMean(const DeviceRule& rule, const KnownDevice& device) {
  auto is = [&](const std::string& wanted, const std::string& has) {
    return wanted.empty() || (has.empty() ? rule.deny : wanted == has);
  };
  bool path =
      rule.path.empty() ||
      (device.path.empty() ? rule.deny : vmspec::GlobMatches(rule.path, device.path, rule.deny));
  return path && is(rule.serial, device.serial) && is(rule.usb_id, device.usb_id);
}

/// The first rule that takes the device (or, without one, the whole class) from the level.
std::optional<vmspec::Origin> DeniedBy(const std::vector<DeviceRule>& rules, DeviceClass c,
                                       const KnownDevice* device) {
  const DeviceRule* narrowing = nullptr;
  for (const DeviceRule& rule : rules) {
    if (!rule.SpeaksOf(c)) continue;
    bool matches = device == nullptr ? rule.IsUnconditional() : MayMean(rule, *device);
    if (rule.deny && matches) return rule.origin;
    if (rule.deny) continue;
    if (matches || device == nullptr) return std::nullopt;
    if (narrowing == nullptr) narrowing = &rule;
  }
  // Once an allow speaks of the level, only what an allow matches is left.
  return narrowing == nullptr ? std::nullopt : std::optional(narrowing->origin);
}

}  // namespace

std::vector<DeviceRule> DeviceRulesOf(const vmspec::SpecSet& spec, const std::string& level) {
  std::vector<DeviceRule> rules;
  std::ranges::copy_if(spec.device_rules, std::back_inserter(rules), [&](const DeviceRule& rule) {
    return rule.level == "*" || rule.level == level;
  });
  std::ranges::stable_partition(rules, &DeviceRule::deny);
  return rules;
}

std::vector<Grant> GrantsOf(const vmspec::SpecSet& spec, const std::string& level) {
  std::vector<DeviceRule> rules = DeviceRulesOf(spec, level);
  const vmspec::Level& of = spec.levels.at(level);
  std::vector<Grant> grants;
  for (std::size_t i = 0; i < of.devices.size(); ++i) {
    auto c = static_cast<DeviceClass>(i);
    if (of.devices[i].mode == vmspec::GrantMode::kNone) continue;
    for (const auto& [name, device] : spec.devices) {
      if (!device.classes.contains(c)) continue;
      grants.push_back({c, name, of.devices[i], DeniedBy(rules, c, &device)});
    }
    grants.push_back({c, "", of.devices[i], DeniedBy(rules, c, nullptr)});
  }
  return grants;
}

}  // namespace bulkhead::hostd
