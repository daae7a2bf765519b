// SPDX-License-Identifier: GPL-2.0-or-later
/// FindViolations in its three parts: hops of one edge, hops through what has no label, ciphertext.
#pragma once

#include <map>
#include <span>
#include <utility>
#include <vector>

#include "vmspec/flow_check.h"
#include "vmspec/label_order.h"

namespace bulkhead::vmspec {

class FlowChecker {
 public:
  explicit FlowChecker(const FlowGraph& graph) : graph_(graph), order_(graph) {}
  Verdict Take();

 private:
  using Neighbours = std::vector<std::vector<NodeId>>;
  using NodesByLabel = std::map<LabelId, std::vector<NodeId>>;
  /// A node without a label, who gives to it and who takes from it.
  struct Passage {
    NodeId node = 0;
    NodesByLabel givers;
    NodesByLabel takers;
    std::size_t alike = 0;  ///< further nodes between the same
  };

  [[nodiscard]] bool Full() const { return verdict_.violations.size() >= kMaxViolations; }
  void Add(Violation violation);

  void CheckEdges();
  void CheckPassages();
  [[nodiscard]] Neighbours GiversOfAll() const;
  [[nodiscard]] std::vector<NodeId> TakersOf(NodeId node) const;
  [[nodiscard]] NodesByLabel ByLabel(const std::vector<NodeId>& nodes) const;
  [[nodiscard]] std::vector<Passage> Passages() const;
  void CheckPassage(const Passage& passage);
  void AddThrough(const Passage& passage, const std::vector<NodeId>& givers,
                  const std::vector<NodeId>& takers);

  const FlowGraph& graph_;
  LabelOrder order_;
  Verdict verdict_;
  bool overflow_ = false;  ///< there are more than kMaxViolations
};

/// What is sealed, and where it is opened by somebody who does not dominate it.
class SealChecker {
 public:
  SealChecker(const FlowGraph& graph, const LabelOrder& order) : graph_(graph), order_(order) {}
  Verdict Take();

 private:
  /// Sealer and opener by their index among the edges.
  struct Opening {
    NodeId start = 0;
    std::uint32_t sealer = 0;
    std::uint32_t opener = 0;
  };
  [[nodiscard]] const FlowEdge& EdgeAt(std::uint32_t index) const { return graph_.edges()[index]; }
  void FindOpeners();
  [[nodiscard]] std::vector<std::uint32_t> Sealers() const;
  std::vector<std::uint32_t> Dangerous(std::uint32_t sealer);
  void Check(std::uint32_t sealer);
  void Search(NodeId start);
  [[nodiscard]] std::vector<FlowEdge> PathTo(const Opening& opening) const;
  void Report(const Opening& opening);

  /// Edges and openers that are looked at before the set is refused: some tenths of a second.
  static constexpr std::size_t kMaxSteps = 100'000'000;

  const FlowGraph& graph_;
  const LabelOrder& order_;
  std::map<std::uint32_t, std::vector<std::uint32_t>> openers_of_key_;
  std::vector<std::uint32_t> openers_of_any_;
  /// Of the last Search: the edge by which each node was reached first.
  std::vector<std::uint32_t> reached_by_;
  std::vector<std::uint32_t> reached_in_;
  std::uint32_t search_ = 0;
  NodeId searched_ = UINT32_MAX;
  std::size_t steps_ = 0;
  std::map<std::pair<NodeId, LabelId>, Violation> found_;
};

}  // namespace bulkhead::vmspec
