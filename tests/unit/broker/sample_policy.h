// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "device-broker/medium.h"
#include "device-broker/policy.h"

namespace bulkhead::broker {

inline vmspec::DeviceRule DeviceRuleOf(bool deny, const std::string& level, std::uint32_t line) {
  vmspec::DeviceRule rule;
  rule.deny = deny;
  rule.level = level;
  rule.device_class = "storage";
  rule.origin = {"devices.toml", line, 1, 1};
  return rule;
}

/// "none" may get nothing, "low" is denied everything, "mid" may write, "high" may read.
inline vmspec::SpecSet SampleSpec() {
  using vmspec::GrantMode;
  vmspec::SpecSet spec;
  spec.levels["none"].Device(vmspec::DeviceClass::kStorage) = {
      .mode = GrantMode::kNone, .write = false, .origin = {}};
  spec.levels["low"].Device(vmspec::DeviceClass::kStorage) = {
      .mode = GrantMode::kManual, .write = false, .origin = {"levels/low.toml", 9, 1, 1}};
  spec.levels["mid"].Device(vmspec::DeviceClass::kStorage) = {
      .mode = GrantMode::kManual, .write = true, .origin = {"levels/mid.toml", 11, 1, 1}};
  spec.levels["high"].Device(vmspec::DeviceClass::kStorage) = {
      .mode = GrantMode::kManual, .write = false, .origin = {"levels/high.toml", 12, 1, 1}};
  spec.device_rules.push_back(DeviceRuleOf(true, "low", 4));
  spec.device_rules.back().comment = "nothing for low";
  return spec;
}

inline Medium SampleMedium(const std::string& id = "loop0", std::uint64_t diskseq = 7) {
  Medium medium;
  medium.id = id;
  medium.title = "medium.img";
  medium.serial = "S-1";
  medium.identity = {"/dev/" + id, 7, 0, diskseq, "/media/" + id + ".img", 1 << 20};
  medium.names = {"/dev/" + id, "/dev/" + id + "p1", "/dev/disk/by-label/FIELD"};
  return medium;
}

}  // namespace bulkhead::broker
