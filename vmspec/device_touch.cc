// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/device_touch.h"

#include <fnmatch.h>

#include <algorithm>

namespace bulkhead::vmspec {

namespace {

bool HasWildcard(const std::string& path) { return path.find_first_of("*?[") != path.npos; }

bool GlobMatches(const std::string& glob, const std::string& path) {
  return ::fnmatch(glob.c_str(), path.c_str(), FNM_PATHNAME | FNM_NOESCAPE) == 0;
}

/// A node right below /dev. Another path may be a link to a node of any name.
bool IsNode(const std::string& path) { return path.find('/', 5) == path.npos; }

/// Every device that `device` describes has a path that `rule` matches.
bool PathCovers(const DeviceRule& rule, const KnownDevice& device) {
  if (rule.path.empty()) return true;
  if (device.path.empty()) return false;
  return rule.path == device.path ||
         (!HasWildcard(device.path) && GlobMatches(rule.path, device.path));
}

bool PathMayMatch(const DeviceRule& rule, const KnownDevice& device) {
  return rule.path.empty() || device.path.empty() || rule.path == device.path ||
         HasWildcard(device.path) || !IsNode(device.path) || GlobMatches(rule.path, device.path);
}

bool Covers(const std::string& rule, const std::string& device) {
  return rule.empty() || rule == device;
}

bool MayMatch(const std::string& rule, const std::string& device) {
  return rule.empty() || device.empty() || rule == device;
}

bool SurelyMatches(const DeviceRule& rule, const KnownDevice& device) {
  return Covers(rule.serial, device.serial) && Covers(rule.usb_id, device.usb_id) &&
         PathCovers(rule, device);
}

bool MayMatch(const DeviceRule& rule, const KnownDevice& device) {
  return MayMatch(rule.serial, device.serial) && MayMatch(rule.usb_id, device.usb_id) &&
         PathMayMatch(rule, device);
}

/// No device of any kind escapes it.
bool IsUnconditional(const DeviceRule& rule) {
  return rule.path.empty() && rule.serial.empty() && rule.usb_id.empty();
}

bool SpeaksOf(const DeviceRule& rule, DeviceClass c) {
  return rule.device_class == "*" || rule.device_class == NameOf(c);
}

}  // namespace

DeviceTouch::DeviceTouch(const SpecSet& spec) {
  for (const auto& [name, device] : spec.devices) {
    if (!device.serial.empty()) by_serial_.emplace(device.serial, &device);
  }
  for (const DeviceRule& rule : spec.device_rules) {
    for (std::size_t c = 0; c < kDeviceClassNames.size(); ++c) {
      if (SpeaksOf(rule, DeviceClass(c))) by_level_[rule.level].rules[c].push_back(&rule);
    }
  }
  for (std::size_t c = 0; c < kDeviceClassNames.size(); ++c) {
    everyones_pool_[c] = OfPool(RulesFor("*", DeviceClass(c)), DeviceClass(c));
  }
  for (const auto& [name, device] : spec.devices) {
    for (DeviceClass c : device.classes) {
      everyones_named_[name][static_cast<std::size_t>(c)] = OfDevice(RulesFor("*", c), device);
    }
  }
}

const DeviceTouch::Rules& DeviceTouch::RulesFor(const std::string& level,
                                                DeviceClass device_class) const {
  static const Rules none;
  auto found = by_level_.find(level);
  return found == by_level_.end() ? none
                                  : found->second.rules[static_cast<std::size_t>(device_class)];
}

/// What it matches is a device that the set knows by name, as one of this class.
bool DeviceTouch::NamesOnlyKnown(const DeviceRule& rule, DeviceClass device_class) const {
  auto [first, last] = by_serial_.equal_range(rule.serial);
  return std::any_of(first, last, [&](const auto& entry) {
    const KnownDevice& device = *entry.second;
    return device.classes.contains(device_class) &&
           (device.usb_id.empty() || device.usb_id == rule.usb_id) &&
           (device.path.empty() || device.path == rule.path);
  });
}

DeviceTouch::Word DeviceTouch::OfPool(const Rules& rules, DeviceClass device_class) const {
  Word word;
  for (const DeviceRule* rule : rules) {
    if (rule->deny) {
      word.denied = word.denied || IsUnconditional(*rule);
    } else {
      word.spoken = true;
      word.allowed = word.allowed || !NamesOnlyKnown(*rule, device_class);
    }
  }
  return word;
}

DeviceTouch::Word DeviceTouch::OfDevice(const Rules& rules, const KnownDevice& device) {
  Word word;
  for (const DeviceRule* rule : rules) {
    if (rule->deny) {
      word.denied = word.denied || SurelyMatches(*rule, device);
    } else {
      word.spoken = true;
      word.allowed = word.allowed || MayMatch(*rule, device);
    }
  }
  return word;
}

bool DeviceTouch::Pool(const Level& level, DeviceClass device_class) const {
  const DevicePolicy& policy = level.Device(device_class);
  if (policy.mode == GrantMode::kNone) return false;
  if (device_class == DeviceClass::kStorage && policy.marked_only) return false;
  return (everyones_pool_[static_cast<std::size_t>(device_class)] |
          OfPool(RulesFor(level.name, device_class), device_class))
      .Lets();
}

bool DeviceTouch::Named(const Level& level, DeviceClass device_class,
                        const KnownDevice& device) const {
  const DevicePolicy& policy = level.Device(device_class);
  if (policy.mode == GrantMode::kNone || !device.classes.contains(device_class)) return false;
  if (device_class == DeviceClass::kStorage && policy.marked_only && device.label != level.label) {
    return false;
  }
  if (device_class == DeviceClass::kUsb && !policy.usb_ids.empty() && !device.usb_id.empty() &&
      std::ranges::find(policy.usb_ids, device.usb_id) == policy.usb_ids.end()) {
    return false;
  }
  return (everyones_named_.at(device.name)[static_cast<std::size_t>(device_class)] |
          OfDevice(RulesFor(level.name, device_class), device))
      .Lets();
}

}  // namespace bulkhead::vmspec
