// SPDX-License-Identifier: GPL-2.0-or-later
/// What one hop against the lattice opens besides itself: everything that reached its start now
/// reaches everything that its end reaches.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "vmspec/flow_check.h"
#include "vmspec/label_order.h"

namespace bulkhead::vmspec {

struct Spread {
  std::size_t pairs = 0;  ///< of levels, without those of the violation itself
  std::optional<std::pair<NodeId, NodeId>> example;
};

class SpreadCounter {
 public:
  explicit SpreadCounter(const FlowGraph& graph);
  /// Nothing when counting has taken too long already: a set with a thousand faults.
  std::optional<Spread> Count(const Violation& violation);

 private:
  /// Levels from which `ends` are reached in clear, or that are reached from them; those included.
  [[nodiscard]] std::vector<NodeId> Levels(const std::vector<NodeId>& ends, bool forward);

  static constexpr std::size_t kMaxSteps = 5'000'000;

  const FlowGraph& graph_;
  LabelOrder order_;
  std::vector<std::vector<NodeId>> in_;
  std::size_t steps_ = 0;
};

}  // namespace bulkhead::vmspec
