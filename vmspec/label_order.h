// SPDX-License-Identifier: GPL-2.0-or-later
/// The labels of a graph's nodes as small numbers, so that thousands are compared quickly.
#pragma once

#include <compare>
#include <cstdint>
#include <set>
#include <vector>

#include "vmspec/flow_graph.h"

namespace bulkhead::vmspec {

using LabelId = std::uint32_t;
inline constexpr LabelId kNoLabel = UINT32_MAX;

class LabelOrder {
 public:
  explicit LabelOrder(const FlowGraph& graph);

  /// Equal labels have equal numbers; kNoLabel for a node without one.
  [[nodiscard]] LabelId Of(NodeId node) const { return of_node_[node]; }
  [[nodiscard]] bool Dominates(LabelId high, LabelId low) const {
    return high == low || Dominates(labels_[high], labels_[low]);
  }
  /// `high` dominates every one of `lows`.
  [[nodiscard]] bool DominatesAll(LabelId high, const std::set<LabelId>& lows) const;
  /// Whether each of `highs` dominates each of `lows`, in time linear in both.
  [[nodiscard]] bool AllDominate(const std::set<LabelId>& highs,
                                 const std::set<LabelId>& lows) const;

 private:
  struct Compact {
    int rank = 0;
    std::vector<std::uint32_t> compartments;  ///< numbers, sorted
    friend auto operator<=>(const Compact&, const Compact&) = default;
  };
  static bool Dominates(const Compact& high, const Compact& low);
  /// The least label that dominates all of them.
  [[nodiscard]] Compact Join(const std::set<LabelId>& labels) const;

  std::vector<LabelId> of_node_;
  std::vector<Compact> labels_;
};

}  // namespace bulkhead::vmspec
