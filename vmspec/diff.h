// SPDX-License-Identifier: GPL-2.0-or-later
/// What lies between two spec sets: what the step from one to the other opens, closes, changes.
/// Pure. What opens one way closes the other way: Diff(a, b) mirrors Diff(b, a).
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "vmspec/facts.h"
#include "vmspec/flow_reach.h"

namespace bulkhead::vmspec {

enum class Effect : std::uint8_t { kOpens, kCloses, kChanges };
/// "OPENS", "CLOSES", "CHANGES"
std::string_view NameOf(Effect effect);

/// One fact that is not the same; that a subject is there, or no longer, stands for all its facts
/// that open and close nothing.
struct Change {
  Effect effect = Effect::kChanges;
  FactKey key;
  std::optional<std::string> before;  ///< nothing: it was not said
  std::optional<std::string> after;
  Origin origin_before;
  Origin origin_after;
};

/// A way between two levels or uplinks that came or went.
struct FlowChange {
  Effect effect = Effect::kOpens;
  FlowPair pair;
  bool direct = true;  ///< through no other level or uplink
  std::string way;     ///< direct: a sentence for each step
  Origin origin;       ///< direct: of the first step, in the set that has it
};

struct Difference {
  std::vector<Change> changes;     ///< opening ones first, then closing ones; by key
  std::vector<FlowChange> flows;   ///< opening ones first; direct ones first
  bool all_flows = true;           ///< false: too many ways to tell the indirect ones
  std::set<std::string> restarts;  ///< levels of both sets that need a restart to have it all
  [[nodiscard]] bool empty() const { return changes.empty() && flows.empty(); }
};

Difference Diff(const SpecSet& before, const SpecSet& after);

/// "level \"low\"", "host", "device rules of \"*\"": printable.
std::string SubjectOf(const FactKey& key);
/// "network.allow gains 10.0.0.0/8 tcp 443", "resources.memory: 512 MiB -> 1 GiB", "is new".
std::string SentenceOf(const Change& change);
std::string SentenceOf(const FlowEnd& end);

}  // namespace bulkhead::vmspec
