// SPDX-License-Identifier: GPL-2.0-or-later
/// Talking to bulkhead-netd. Blocking with deadlines; each call connects anew, so that a restarted
/// netd is no special case. Only uid kUidHostd and root are served.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "netpolicy/policy.h"
#include "vmspec/base/error.h"

namespace bulkhead::netpolicy {

struct RuleCounter {
  std::string origin;  ///< "levels/low.toml:14", or "anti-spoof mac", "default drop", ...
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;
};
struct LevelNetStatus {
  std::string level;
  std::string interface;
  bool tap_present = false;
  bool rules_present = false;  ///< read back from the kernel, not remembered
  std::vector<RuleCounter> counters;
};

class NetdClient {
 public:
  explicit NetdClient(std::string socket_path) : socket_path_(std::move(socket_path)) {}

  /// Makes tap, addresses, routes and rules of the level what `policy` says. The rules are
  /// committed before the tap is up. Idempotent; live for a running level. Errors leave the former
  /// policy in force, or, for a new level, no tap.
  Status Apply(const LevelPolicy& policy);
  /// Removes tap and rules: rules last. Idempotent.
  Status Remove(const std::string& level);
  /// Removes every level not named: for reconciliation after a restart.
  Status RetainOnly(const std::vector<std::string>& levels);
  Result<std::vector<LevelNetStatus>> GetStatus();

 private:
  std::string socket_path_;
};

}  // namespace bulkhead::netpolicy
