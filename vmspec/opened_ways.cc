// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/opened_ways.h"

#include <algorithm>
#include <iterator>
#include <optional>

namespace bulkhead::vmspec {

namespace {

constexpr std::size_t kMaxSteps = 40'000'000;

/// Breadth first over every edge.
class Ciphertext {
 public:
  Ciphertext(const FlowGraph& graph, NodeId start)
      : graph_(graph), start_(start), by_(graph.nodes().size()) {
    if (!graph.CarriesOn(start)) return;
    reached_.push_back(start);
    for (std::size_t at = 0; at < reached_.size(); ++at) Step(reached_[at]);
  }

  [[nodiscard]] NodeId start() const { return start_; }
  [[nodiscard]] std::size_t steps() const { return steps_; }
  [[nodiscard]] bool CanGoOnFrom(NodeId id) const {
    return (id == start_ || by_[id] != nullptr) && graph_.CarriesOn(id);
  }
  [[nodiscard]] std::vector<FlowEdge> WayTo(NodeId end) const {
    std::vector<FlowEdge> way;
    for (NodeId at = end; at != start_; at = by_[at]->from) way.push_back(*by_[at]);
    std::ranges::reverse(way);
    return way;
  }

 private:
  void Step(NodeId from) {
    steps_ += graph_.Out(from).size();
    for (const FlowEdge& edge : graph_.Out(from)) {
      if (edge.to == start_ || by_[edge.to] != nullptr) continue;
      by_[edge.to] = &edge;
      if (graph_.CarriesOn(edge.to)) reached_.push_back(edge.to);
    }
  }

  const FlowGraph& graph_;
  NodeId start_;
  std::vector<const FlowEdge*> by_;
  std::vector<NodeId> reached_;
  std::size_t steps_ = 0;
};

std::vector<FlowEdge> OpenersAt(const FlowGraph& graph, NodeId id) {
  std::vector<FlowEdge> out;
  std::ranges::copy_if(graph.edges(), std::back_inserter(out), [&](const FlowEdge& edge) {
    return edge.to == id && (edge.kind == EdgeKind::kDecrypt || edge.kind == EdgeKind::kOpen);
  });
  return out;
}

/// Empty: nobody there opens it.
std::vector<FlowEdge> ShortestWay(const FlowGraph& graph, const FlowEdge& sealer,
                                  const Ciphertext& sealed, const std::vector<FlowEdge>& openers) {
  std::vector<FlowEdge> shortest;
  for (const FlowEdge& opener : openers) {
    if (!graph.Opens(opener, sealer) || !sealed.CanGoOnFrom(opener.from)) continue;
    std::vector<FlowEdge> way = sealed.WayTo(opener.from);
    way.insert(way.begin(), sealer);
    way.push_back(opener);
    if (shortest.empty() || way.size() < shortest.size()) shortest = std::move(way);
  }
  return shortest;
}

}  // namespace

OpenedWays FindOpenedWays(const FlowGraph& graph, NodeId from, NodeId to) {
  OpenedWays out;
  std::vector<FlowEdge> openers = OpenersAt(graph, to);
  std::optional<Ciphertext> sealed;  // of the last sealer: they come in the order of their ends
  std::size_t steps = 0;
  for (const FlowEdge& sealer : graph.Out(from)) {
    bool any = std::ranges::any_of(
        openers, [&](const FlowEdge& opener) { return graph.Opens(opener, sealer); });
    steps += openers.size();
    if (sealer.kind != EdgeKind::kEncrypt || !any) continue;
    if (!sealed || sealed->start() != sealer.to) {
      sealed.emplace(graph, sealer.to);
      steps += sealed->steps();
    }
    std::vector<FlowEdge> way = ShortestWay(graph, sealer, *sealed, openers);
    if (!way.empty()) out.ways.push_back(std::move(way));
    out.complete = steps <= kMaxSteps;
    if (!out.complete) return out;
  }
  return out;
}

}  // namespace bulkhead::vmspec
