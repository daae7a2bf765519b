// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/device_touch.h"

#include <algorithm>

namespace bulkhead::vmspec {

namespace {

bool HasWildcard(const std::string& path) { return path.find_first_of("*?[") != path.npos; }

/// A node right below /dev. Another path may be a link to a node of any name.
bool IsNode(const std::string& path) { return path.find('/', 5) == path.npos; }

/// A medium is the same one in whatever node it comes up next: its node says where it is, not which
/// it is. Links below by-id are made of what it says of itself, as a serial is.
bool Wanders(const KnownDevice& device) {
  bool medium =
      device.classes.contains(DeviceClass::kStorage) || device.classes.contains(DeviceClass::kUsb);
  return medium && !device.path.starts_with("/dev/disk/by-id/");
}

/// Every device that `device` describes has a path that `rule` matches.
bool PathCovers(const DeviceRule& rule, const KnownDevice& device) {
  if (rule.path.empty()) return true;
  if (device.path.empty() || Wanders(device)) return false;
  return rule.path == device.path ||
         (!HasWildcard(device.path) && GlobMatches(rule.path, device.path, false));
}

bool PathMayMatch(const DeviceRule& rule, const KnownDevice& device) {
  return rule.path.empty() || device.path.empty() || Wanders(device) || rule.path == device.path ||
         HasWildcard(device.path) || !IsNode(device.path) ||
         GlobMatches(rule.path, device.path, false);
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

bool IdsMayLend(const DevicePolicy& policy, DeviceClass c, const KnownDevice& device) {
  return c != DeviceClass::kUsb || policy.usb_ids.empty() || device.usb_id.empty() ||
         std::ranges::find(policy.usb_ids, device.usb_id) != policy.usb_ids.end();
}

bool MarkMayLend(const Level& level, DeviceClass c, const KnownDevice& device) {
  return c != DeviceClass::kStorage || !level.Device(c).marked_only || device.label == level.label;
}

}  // namespace

DeviceTouch::Word DeviceTouch::Rules::Of(const KnownDevice& device) const {
  auto found = of_one.find(&device);
  return found == of_one.end() ? of_all : of_all | found->second;
}

DeviceTouch::DeviceTouch(const SpecSet& spec) {
  for (const auto& [name, device] : spec.devices) by_serial_[device.serial].push_back(&device);
  for (const DeviceRule& rule : spec.device_rules) {
    if (complete()) Read(rule);
  }
  if (const PerClass* everyones = RulesFor("*")) everyones_ = *everyones;
  for (const auto& [name, level] : spec.levels) {
    for (std::size_t c = 0; c < kDeviceClassNames.size(); ++c) {
      bool lends = level.devices[c].mode != GrantMode::kNone;
      if (lends) borrowers_[c].push_back({&level, RulesFor(name)});
    }
  }
}

const DeviceTouch::PerClass* DeviceTouch::RulesFor(std::string_view level) const {
  auto found = by_level_.find(level);
  return found == by_level_.end() ? nullptr : &found->second;
}

/// A serial leaves few devices to be looked at; an allow may mean those that have none, too.
DeviceTouch::Devices DeviceTouch::Matched(const DeviceRule& rule) {
  Devices out;
  auto look = [&](const Devices& devices) {
    for (const KnownDevice* device : devices) {
      work_ += 1 + rule.path.size() * device->path.size();
      bool matches = rule.deny ? SurelyMatches(rule, *device) : MayMatch(rule, *device);
      if (matches) out.push_back(device);
    }
  };
  for (const auto& [serial, devices] : by_serial_) {
    if (rule.serial.empty()) look(devices);
    if (!complete()) return out;
  }
  if (rule.serial.empty()) return out;
  for (const std::string& serial : {rule.serial, std::string()}) {
    auto found = by_serial_.find(serial);
    if (found != by_serial_.end()) look(found->second);
  }
  return out;
}

void DeviceTouch::Read(const DeviceRule& rule) {
  matched_ = rule.IsUnconditional() ? Devices{} : Matched(rule);
  PerClass& per_class = by_level_[rule.level];
  for (std::size_t c = 0; c < kDeviceClassNames.size(); ++c) {
    if (rule.SpeaksOf(DeviceClass(c))) Read(rule, DeviceClass(c), per_class[c]);
  }
}

void DeviceTouch::Read(const DeviceRule& rule, DeviceClass device_class, Rules& rules) const {
  bool every = rule.IsUnconditional();
  Word matches{rule.deny, false, !rule.deny};
  rules.of_pool = rules.of_pool | Word{rule.deny && every, !rule.deny,
                                       !rule.deny && !NamesOnlyKnown(rule, device_class)};
  rules.of_all = rules.of_all | Word{rule.deny && every, !rule.deny, !rule.deny && every};
  for (const KnownDevice* device : matched_) {
    if (!device->classes.contains(device_class)) continue;
    Word& word = rules.of_one[device];
    word = word | matches;
  }
}

/// What it matches is a device that the set knows by name, as one of this class.
bool DeviceTouch::NamesOnlyKnown(const DeviceRule& rule, DeviceClass device_class) const {
  auto same_serial = by_serial_.find(rule.serial);
  if (rule.serial.empty() || same_serial == by_serial_.end()) return false;
  return std::ranges::any_of(same_serial->second, [&](const KnownDevice* device) {
    return device->classes.contains(device_class) &&
           (device->usb_id.empty() || device->usb_id == rule.usb_id) &&
           (device->path.empty() || Wanders(*device) || device->path == rule.path);
  });
}

bool DeviceTouch::Pool(const Level& level, DeviceClass device_class) const {
  const DevicePolicy& policy = level.Device(device_class);
  if (policy.mode == GrantMode::kNone) return false;
  if (device_class == DeviceClass::kStorage && policy.marked_only) return false;
  auto c = static_cast<std::size_t>(device_class);
  const PerClass* own = RulesFor(level.name);
  Word everyones = everyones_[c].of_pool;
  return (own == nullptr ? everyones : everyones | (*own)[c].of_pool).Lets();
}

std::vector<const Level*> DeviceTouch::Borrowers(DeviceClass device_class,
                                                 const KnownDevice& device) const {
  auto c = static_cast<std::size_t>(device_class);
  Word everyones = everyones_[c].Of(device);
  std::vector<const Level*> out;
  for (const Borrower& borrower : borrowers_[c]) {
    const Level& level = *borrower.level;
    if (!MarkMayLend(level, device_class, device)) continue;
    if (!IdsMayLend(level.Device(device_class), device_class, device)) continue;
    Word word = borrower.own == nullptr ? everyones : everyones | (*borrower.own)[c].Of(device);
    if (word.Lets()) out.push_back(&level);
  }
  return out;
}

}  // namespace bulkhead::vmspec
