// SPDX-License-Identifier: GPL-2.0-or-later
/// What of an applied spec decides who may get which device.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "vmspec/base/codec.h"
#include "vmspec/base/error.h"
#include "vmspec/model.h"

namespace bulkhead::broker {

inline constexpr std::uint32_t kMaxPolicyLevels = 4095;
inline constexpr std::uint32_t kMaxDeviceRules = 4096;
/// Covers the most levels and rules there can be, each as long as it can be.
inline constexpr std::uint32_t kMaxPolicyBytes = 8U << 20;

struct Policy {
  std::map<std::string, vmspec::DevicePolicy> levels;
  std::vector<vmspec::DeviceRule> rules;
};

Policy PolicyOf(const vmspec::SpecSet& spec);

/// Names, classes, globs and bounds are what a checked spec has. A policy from elsewhere is refused
/// whole: half a policy could lack its denials.
Status CheckPolicy(const Policy& policy);

Bytes EncodePolicy(const Policy& policy);
/// kCorrupt when the bytes are no policy; kInvalid when it does not pass CheckPolicy().
Result<Policy> DecodePolicy(ByteView in);

/// [a-z][a-z0-9-]{0,30}
bool IsLevelName(const std::string& name);

}  // namespace bulkhead::broker
