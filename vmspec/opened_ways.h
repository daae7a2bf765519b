// SPDX-License-Identifier: GPL-2.0-or-later
/// What one node seals and another can open, whatever it passes in between: as flow_check.h counts
/// it, which follows ciphertext to where it has been before, and past those who could open it.
#pragma once

#include <vector>

#include "vmspec/flow_graph.h"

namespace bulkhead::vmspec {

struct OpenedWays {
  std::vector<std::vector<FlowEdge>> ways;
  bool complete = true;  ///< false: looking further would take too long
};

/// From an encrypt flow of `from` to where `to` opens what it sealed: for each such flow the
/// shortest way, if there is one.
OpenedWays FindOpenedWays(const FlowGraph& graph, NodeId from, NodeId to);

}  // namespace bulkhead::vmspec
