// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "netpolicy/netd_client.h"
#include "netpolicy/ruleset.h"
#include "vmspec/base/error.h"

namespace bulkhead::netpolicy {

/// Number of the kernel's ruleset, all tables of all programs in one; every commit raises it.
using Generation = std::uint32_t;

/// What stands in the kernel for one level.
struct LevelReadback {
  bool complete = false;  ///< chains with all their rules, map elements and the hook on the tap
  std::vector<RuleCounter> counters;
};

/// Where compiled rules go: the kernel in production, memory in tests. Main thread only.
///
/// `expected` is the generation the caller compiled against; `deadline` the longest wait for the
/// kernel's answers, 1 ms to 10 s of steady time. Each change is one netlink transaction.
///
/// Errors; after each but the last the former rules are still in force:
///   kConflict        somebody wrote since `expected`, or while we read: read again.
///   kInvalid         the kernel refused a rule; the message names its origin.
///   kPermission      CAP_NET_ADMIN is missing.
///   kOutcomeUnknown  no answer in time; the commit may have happened: read first.
class RulesetSink {
 public:
  virtual ~RulesetSink() = default;

  [[nodiscard]] virtual Result<Generation> CurrentGeneration() = 0;

  /// Makes `ruleset` the whole content of our tables: for recovery.
  [[nodiscard]] virtual Result<Generation> Replace(const Ruleset& ruleset, Generation expected,
                                                   std::chrono::milliseconds deadline) = 0;

  /// Makes what the kernel has for this level equal to `rules`; other levels are not touched, and
  /// chains that are right already keep their counters. Makes the frame when it is not there.
  [[nodiscard]] virtual Result<Generation> PutLevel(const LevelRules& rules, Generation expected,
                                                    std::chrono::milliseconds deadline) = 0;

  /// Removes all that the kernel has for this level; nothing there is no error.
  [[nodiscard]] virtual Result<Generation> DropLevel(const std::string& level, Generation expected,
                                                     std::chrono::milliseconds deadline) = 0;

  /// Every level of which anything is there.
  [[nodiscard]] virtual Result<std::map<std::string, LevelReadback>> ReadLevels(
      std::chrono::milliseconds deadline) = 0;
};

}  // namespace bulkhead::netpolicy
