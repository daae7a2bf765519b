// SPDX-License-Identifier: GPL-2.0-or-later
/// The spec set in force, as one value that threads share and nobody changes.
#pragma once

#include <memory>

#include "hostd/spec/index_book.h"
#include "hostd/spec/spec_version.h"
#include "vmspec/spec.h"

namespace bulkhead::hostd {

struct AppliedSpec {
  vmspec::SpecFiles files;  ///< as they were given
  vmspec::SpecSet spec;     ///< checked
  IndexBook::Numbers levels;
  IndexBook::Numbers flows;
  SpecVersion version;  ///< number 0: not stored (an empty set, a test's)

  /// Null when the set has no such level.
  [[nodiscard]] const vmspec::Level* FindLevel(const std::string& name) const {
    auto it = spec.levels.find(name);
    return it == spec.levels.end() ? nullptr : &it->second;
  }
  [[nodiscard]] const vmspec::Flow* FindFlow(const std::string& name) const {
    auto it = spec.flows.find(name);
    return it == spec.flows.end() ? nullptr : &it->second;
  }
};
using AppliedSpecPtr = std::shared_ptr<const AppliedSpec>;

}  // namespace bulkhead::hostd
