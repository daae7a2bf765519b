// SPDX-License-Identifier: GPL-2.0-or-later
/// What bulkhead-netd does: taps, addresses, settings and rules of the levels, made to agree with
/// what is asked. Remembers nothing that matters: each call looks at the kernel first, so that a
/// daemon killed at any moment is no special case.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "netpolicy/conntrack.h"
#include "netpolicy/links.h"
#include "netpolicy/netd_client.h"
#include "netpolicy/ruleset_sink.h"

namespace bulkhead::netpolicy {

class LevelNetworks {
 public:
  LevelNetworks(std::unique_ptr<RulesetSink> sink, Links links, Conntrack conntrack)
      : sink_(std::move(sink)), links_(std::move(links)), conntrack_(std::move(conntrack)) {}

  // As NetdClient's, which see.
  Status Apply(const LevelPolicy& policy);
  Status Remove(const std::string& level);
  Status RetainOnly(const std::vector<std::string>& levels);
  Result<std::vector<LevelNetStatus>> GetStatus();

  /// Takes every tap down whose rules are not whole: after somebody changed the kernel's tables.
  /// @return the interfaces taken down
  Result<std::vector<std::string>> IsolateUnprotected();
  /// Some of the commits that made these generations was not ours. Forgets which were: to be asked
  /// with all that were reported since the last time.
  bool WasSomebodyElse(const std::vector<Generation>& generations);
  /// Uplinks that came back begin to forward again.
  Status RefreshUplinks();

 private:
  Result<LinkState> EnsureTap(const LevelPolicy& policy, bool& made);
  Status Configure(const LevelPolicy& policy, const LinkState& tap);
  Status DropRules(const std::string& level);
  Status RemoveTap(const std::string& interface);
  template <typename Do>
  Status Commit(Do change);

  std::unique_ptr<RulesetSink> sink_;
  Links links_;
  Conntrack conntrack_;
  std::vector<Generation> made_;  ///< a hint for WasSomebodyElse(), nothing that must be right
};

}  // namespace bulkhead::netpolicy
