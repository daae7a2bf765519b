// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/flow_reach.h"

#include <algorithm>
#include <optional>

namespace bulkhead::vmspec {

namespace {

constexpr std::size_t kMaxSteps = 40'000'000;
constexpr std::size_t kMaxFarPairs = 1'000'000;

bool IsEnd(const FlowNode& node) {
  return node.kind == NodeKind::kLevel || node.kind == NodeKind::kUplink;
}

bool Carries(EdgeKind kind) { return kind != EdgeKind::kEncrypt && kind != EdgeKind::kOpen; }

/// Breadth first from one node; keeps its memory from one start to the next.
class Walk {
 public:
  explicit Walk(const FlowGraph& graph)
      : graph_(graph), seen_(graph.nodes().size(), 0), by_(graph.nodes().size()) {}

  /// Every node that is reached from `start` without it; `through_ends`: also by way of levels and
  /// uplinks.
  const std::vector<NodeId>& From(NodeId start, bool through_ends) {
    ++round_;
    reached_.clear();
    seen_[start] = round_;
    Step(start);
    for (std::size_t i = 0; i < reached_.size(); ++i) {
      const FlowNode& node = graph_.node(reached_[i]);
      if (node.holds && (through_ends || !IsEnd(node))) Step(reached_[i]);
    }
    return reached_;
  }
  /// The edges from `start` to `end` of the last From().
  [[nodiscard]] std::vector<FlowEdge> WayTo(NodeId start, NodeId end) const {
    std::vector<FlowEdge> way;
    for (NodeId at = end; at != start; at = by_[at].from) way.push_back(by_[at]);
    std::ranges::reverse(way);
    return way;
  }
  [[nodiscard]] bool Reached(NodeId id) const { return seen_[id] == round_; }
  [[nodiscard]] std::size_t steps() const { return steps_; }

 private:
  void Step(NodeId from) {
    for (const FlowEdge& edge : graph_.Out(from)) {
      ++steps_;
      if (!Carries(edge.kind) || seen_[edge.to] == round_) continue;
      seen_[edge.to] = round_;
      by_[edge.to] = edge;
      reached_.push_back(edge.to);
    }
  }

  const FlowGraph& graph_;
  std::vector<std::uint32_t> seen_;
  std::vector<FlowEdge> by_;
  std::vector<NodeId> reached_;
  std::uint32_t round_ = 0;
  std::size_t steps_ = 0;
};

FlowEnd EndOf(const FlowNode& node) { return {node.kind, node.name}; }

void AddPairs(const FlowGraph& graph, NodeId start, const std::vector<NodeId>& reached,
              std::vector<FlowPair>& out) {
  for (NodeId id : reached) {
    if (IsEnd(graph.node(id))) out.push_back({EndOf(graph.node(start)), EndOf(graph.node(id))});
  }
}

}  // namespace

Reach ReachOf(const FlowGraph& graph) {
  Reach reach;
  reach.complete = !graph.truncated();
  Walk walk(graph);
  std::vector<FlowPair> all;
  for (NodeId id = 0; id < graph.nodes().size(); ++id) {
    if (!IsEnd(graph.node(id))) continue;
    AddPairs(graph, id, walk.From(id, false), reach.direct);
    reach.complete = reach.complete && walk.steps() < kMaxSteps && all.size() < kMaxFarPairs;
    if (reach.complete) AddPairs(graph, id, walk.From(id, true), all);
  }
  std::ranges::sort(reach.direct);
  if (!reach.complete) return reach;
  std::ranges::sort(all);
  std::ranges::set_difference(all, reach.direct, std::back_inserter(reach.far));
  return reach;
}

std::vector<FlowEdge> DirectWay(const FlowGraph& graph, const FlowPair& pair) {
  auto from = graph.Find(pair.from.kind, pair.from.name);
  auto to = graph.Find(pair.to.kind, pair.to.name);
  if (!from || !to) return {};
  Walk walk(graph);
  walk.From(*from, false);
  return walk.Reached(*to) ? walk.WayTo(*from, *to) : std::vector<FlowEdge>{};
}

}  // namespace bulkhead::vmspec
