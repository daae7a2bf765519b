// SPDX-License-Identifier: GPL-2.0-or-later
/// Invariant I6: where a graph lets information reach somebody who does not dominate it.
///
/// What a labelled node knows may reach in clear, through nodes without a label, only a labelled
/// node that dominates it. Longer ways need no look of their own: domination is transitive, so a
/// way against the lattice has a hop against it. A downgrade gives the information the label of its
/// end. What an encrypt flow sealed may go anywhere, but who opens it must dominate the label that
/// it was sealed under.
#pragma once

#include <cstdint>
#include <vector>

#include "vmspec/flow_graph.h"

namespace bulkhead::vmspec {

/// One hop against the lattice.
struct Violation {
  NodeId from = 0;
  NodeId to = 0;
  bool opened = false;  ///< sealed by the first edge, opened by the last
  /// From `from` to `to`, the shortest there is. More than one edge only through nodes without a
  /// label, or sealed.
  std::vector<FlowEdge> path;
  /// The same holds from each of these to each of those: nodes with the same two labels, `from` and
  /// `to` among them, that share what lies between.
  std::vector<NodeId> sources;
  std::vector<NodeId> ends;
  std::size_t more_ways = 0;  ///< other ways between the same nodes, of the same kind
};

struct Verdict {
  /// At most kMaxViolations, in order of `from` and `to`.
  std::vector<Violation> violations;
  bool complete = true;  ///< false: there may be more, also where there is none
};
inline constexpr std::size_t kMaxViolations = 1000;

Verdict FindViolations(const FlowGraph& graph);

/// Information passes the edge as it is: not a downgrade, not sealed, not only opened.
constexpr bool CarriesInClear(EdgeKind kind) {
  return kind != EdgeKind::kDowngrade && kind != EdgeKind::kEncrypt && kind != EdgeKind::kOpen;
}

}  // namespace bulkhead::vmspec
