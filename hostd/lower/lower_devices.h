// SPDX-License-Identifier: GPL-2.0-or-later
/// What of the spec decides which devices a level may be lent, rule by rule. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "vmspec/model.h"

namespace bulkhead::hostd {

/// The rules of devices.toml that speak of `level`, as brokerd asks them: every deny before any
/// allow.
std::vector<vmspec::DeviceRule> DeviceRulesOf(const vmspec::SpecSet& spec,
                                              const std::string& level);

/// A class of devices that the level may be lent, or one device that the set knows by name.
struct Grant {
  vmspec::DeviceClass device_class{};
  std::string device;                       ///< name in the set; empty: all others of the class
  vmspec::DevicePolicy policy;              ///< the level's, of the class
  std::optional<vmspec::Origin> denied_by;  ///< a rule takes all of it away again
  /// The level does not wait for a person to lend it.
  [[nodiscard]] bool ByRule() const {
    return !denied_by && policy.mode >= vmspec::GrantMode::kAutomatic;
  }
};

/// A grant for each class whose mode is not "none" and each known device of such a class, in the
/// order of the classes.
std::vector<Grant> GrantsOf(const vmspec::SpecSet& spec, const std::string& level);

}  // namespace bulkhead::hostd
