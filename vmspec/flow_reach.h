// SPDX-License-Identifier: GPL-2.0-or-later
/// Who can learn from whom: pairs of levels and uplinks of a flow graph. Pure.
#pragma once

#include <compare>
#include <string>
#include <vector>

#include "vmspec/flow_graph.h"

namespace bulkhead::vmspec {

/// A level or an uplink.
struct FlowEnd {
  NodeKind kind = NodeKind::kLevel;
  std::string name;
  friend auto operator<=>(const FlowEnd&, const FlowEnd&) = default;
};

/// Information can get from one to the other in clear, or declassified by a downgrade.
struct FlowPair {
  FlowEnd from;
  FlowEnd to;
  friend auto operator<=>(const FlowPair&, const FlowPair&) = default;
};

struct Reach {
  std::vector<FlowPair> direct;  ///< through no other level or uplink; sorted
  std::vector<FlowPair> far;     ///< only through others; sorted
  bool complete = true;          ///< false: there are too many, and `far` is empty
};

Reach ReachOf(const FlowGraph& graph);

/// The edges of a shortest way of a direct pair; empty when there is none.
std::vector<FlowEdge> DirectWay(const FlowGraph& graph, const FlowPair& pair);

}  // namespace bulkhead::vmspec
