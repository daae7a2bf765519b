// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "vmspec/base/error.h"
#include "vmspec/base/unique_fd.h"

namespace bulkhead::netpolicy {

/// Tells when somebody else changed packet rules, or an interface came or changed. Two descriptors
/// to poll for reading; what is read is only a hint to look at the kernel again.
class KernelEvents {
 public:
  static Result<KernelEvents> Open();

  [[nodiscard]] int rules_fd() const { return rules_.get(); }
  [[nodiscard]] int links_fd() const { return links_.get(); }

  /// Reads all that waits. True when another process committed packet rules, or when events were
  /// lost.
  bool DrainRules();
  void DrainLinks();

 private:
  UniqueFd rules_;
  UniqueFd links_;
};

}  // namespace bulkhead::netpolicy
