// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/flow_spread.h"

#include <algorithm>
#include <map>

namespace bulkhead::vmspec {

namespace {

std::map<LabelId, std::vector<NodeId>> ByLabel(const LabelOrder& order,
                                               const std::vector<NodeId>& nodes) {
  std::map<LabelId, std::vector<NodeId>> out;
  for (NodeId id : nodes) out[order.Of(id)].push_back(id);
  return out;
}

bool Contains(const std::vector<NodeId>& nodes, NodeId id) {
  return std::ranges::find(nodes, id) != nodes.end();
}

}  // namespace

SpreadCounter::SpreadCounter(const FlowGraph& graph)
    : graph_(graph), order_(graph), in_(graph.nodes().size()) {
  for (const FlowEdge& edge : graph.edges()) {
    if (CarriesInClear(edge.kind)) in_[edge.to].push_back(edge.from);
  }
}

std::vector<NodeId> SpreadCounter::Levels(const std::vector<NodeId>& ends, bool forward) {
  std::vector<bool> seen(graph_.nodes().size());
  std::vector<NodeId> queue;
  auto visit = [&](NodeId id) {
    ++steps_;
    if (!seen[id] && graph_.CarriesOn(id)) queue.push_back(id);
    seen[id] = true;
  };
  for (NodeId id : ends) visit(id);
  for (std::size_t at = 0; at < queue.size(); ++at) {
    if (!forward) {
      for (NodeId id : in_[queue[at]]) visit(id);
      continue;
    }
    for (const FlowEdge& edge : graph_.Out(queue[at])) {
      if (CarriesInClear(edge.kind)) visit(edge.to);
    }
  }
  std::erase_if(queue, [&](NodeId id) { return graph_.node(id).kind != NodeKind::kLevel; });
  return queue;
}

std::optional<Spread> SpreadCounter::Count(const Violation& violation) {
  if (steps_ > kMaxSteps) return std::nullopt;
  auto sources = ByLabel(order_, Levels(violation.sources, false));
  auto ends = ByLabel(order_, Levels(violation.ends, true));
  steps_ += sources.size() * ends.size();
  Spread spread;
  for (const auto& [low, from] : sources) {
    for (const auto& [high, to] : ends) {
      if (order_.Dominates(high, low)) continue;
      spread.pairs += from.size() * to.size();
      for (NodeId a : from) {
        if (spread.example) break;
        auto b = std::ranges::find_if(to, [&](NodeId id) {
          return !Contains(violation.sources, a) || !Contains(violation.ends, id);
        });
        if (b != to.end()) spread.example = {a, *b};
      }
    }
  }
  bool levels = graph_.node(violation.from).kind == NodeKind::kLevel &&
                graph_.node(violation.to).kind == NodeKind::kLevel;
  if (levels) spread.pairs -= violation.sources.size() * violation.ends.size();
  return spread;
}

}  // namespace bulkhead::vmspec
