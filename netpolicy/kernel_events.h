// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <vector>

#include "netpolicy/ruleset_sink.h"
#include "vmspec/base/error.h"
#include "vmspec/base/unique_fd.h"

namespace bulkhead::netpolicy {

/// Tells when somebody changed packet rules, or an interface came or changed. Two descriptors
/// to poll for reading; what is read is only a hint to look at the kernel again.
class KernelEvents {
 public:
  static Result<KernelEvents> Open();

  [[nodiscard]] int rules_fd() const { return rules_.get(); }
  [[nodiscard]] int links_fd() const { return links_.get(); }

  struct RuleChanges {
    std::vector<Generation> generations;  ///< that commits made, whoever's, in their order
    bool lost = false;                    ///< events were lost: there may have been more
  };
  /// Reads all that waits.
  RuleChanges DrainRules();
  void DrainLinks();

 private:
  UniqueFd rules_;
  UniqueFd links_;
};

}  // namespace bulkhead::netpolicy
