// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/flow_check.h"

#include <algorithm>
#include <set>
#include <tuple>

#include "vmspec/flow_checker.h"

namespace bulkhead::vmspec {

namespace {

/// The first edge from `a` to `b`: storage before the other classes of a device.
const FlowEdge* EdgeBetween(const FlowGraph& graph, NodeId a, NodeId b) {
  auto out = graph.Out(a);
  auto at = std::ranges::lower_bound(out, b, {}, &FlowEdge::to);
  return at == out.end() || at->to != b ? nullptr : &*at;
}

std::set<LabelId> KeysOf(const std::map<LabelId, std::vector<NodeId>>& by_label) {
  std::set<LabelId> out;
  for (const auto& [label, nodes] : by_label) out.insert(out.end(), label);
  return out;
}

/// Pools first: what anybody may plug in says more than one device by name.
int Prominence(NodeKind kind) { return kind == NodeKind::kPool ? 0 : 1; }

/// Media and other devices are told apart, and from tokens and clipboards.
std::pair<NodeKind, bool> SortOf(const FlowGraph& graph, NodeId id) {
  const FlowNode& node = graph.node(id);
  NodeKind kind = node.kind == NodeKind::kPool ? NodeKind::kDevice : node.kind;
  bool medium = std::ranges::any_of(graph.Out(id), [](const FlowEdge& edge) {
    return edge.kind == EdgeKind::kDeviceIn && edge.device_class == DeviceClass::kStorage;
  });
  return {kind, medium};
}

}  // namespace

void FlowChecker::Add(Violation violation) {
  if (Full()) {
    overflow_ = true;
  } else {
    verdict_.violations.push_back(std::move(violation));
  }
}

void FlowChecker::CheckEdges() {
  for (const FlowEdge& edge : graph_.edges()) {
    LabelId from = order_.Of(edge.from);
    LabelId to = order_.Of(edge.to);
    if (!CarriesInClear(edge.kind) || from == kNoLabel || to == kNoLabel) continue;
    if (order_.Dominates(to, from)) continue;
    Add({edge.from, edge.to, false, {edge}, {edge.from}, {edge.to}});
    if (overflow_) return;
  }
}

/// A node without a label lies only between labelled ones (FlowGraphBuilder makes no others), so a
/// hop through it has two edges.
FlowChecker::Neighbours FlowChecker::GiversOfAll() const {
  Neighbours givers(graph_.nodes().size());
  for (const FlowEdge& edge : graph_.edges()) {
    std::vector<NodeId>& known = givers[edge.to];
    bool is_new = known.empty() || known.back() != edge.from;  // edges come in order of `from`
    if (is_new && graph_.PassesThrough(edge.to) && order_.Of(edge.from) != kNoLabel) {
      known.push_back(edge.from);
    }
  }
  return givers;
}

std::vector<NodeId> FlowChecker::TakersOf(NodeId node) const {
  std::vector<NodeId> takers;
  for (const FlowEdge& edge : graph_.Out(node)) {
    bool is_new = takers.empty() || takers.back() != edge.to;
    if (is_new && order_.Of(edge.to) != kNoLabel) takers.push_back(edge.to);
  }
  return takers;
}

/// Nodes of one sort between the same others are looked at once.
std::vector<FlowChecker::Passage> FlowChecker::Passages() const {
  Neighbours givers = GiversOfAll();
  std::vector<NodeId> order;
  for (NodeId id = 0; id < givers.size(); ++id) {
    if (!givers[id].empty()) order.push_back(id);
  }
  std::ranges::sort(order, {},
                    [&](NodeId n) { return std::pair(Prominence(graph_.node(n).kind), n); });
  using Shape = std::tuple<std::pair<NodeKind, bool>, std::vector<NodeId>, std::vector<NodeId>>;
  std::map<Shape, std::size_t> seen;
  std::vector<Passage> passages;
  for (NodeId node : order) {
    Shape shape{SortOf(graph_, node), givers[node], TakersOf(node)};
    auto [first, is_new] = seen.try_emplace(shape, passages.size());
    if (is_new) {
      passages.push_back({node, ByLabel(std::get<1>(shape)), ByLabel(std::get<2>(shape)), 0});
    } else {
      ++passages[first->second].alike;
    }
  }
  return passages;
}

FlowChecker::NodesByLabel FlowChecker::ByLabel(const std::vector<NodeId>& nodes) const {
  NodesByLabel out;
  for (NodeId id : nodes) out[order_.Of(id)].push_back(id);
  return out;
}

void FlowChecker::AddThrough(const Passage& passage, const std::vector<NodeId>& givers,
                             const std::vector<NodeId>& takers) {
  const FlowEdge& in = *EdgeBetween(graph_, givers.front(), passage.node);
  const FlowEdge& out = *EdgeBetween(graph_, passage.node, takers.front());
  Add({givers.front(), takers.front(), false, {in, out}, givers, takers, passage.alike});
}

void FlowChecker::CheckPassage(const Passage& passage) {
  std::set<LabelId> givers = KeysOf(passage.givers);
  if (order_.AllDominate(KeysOf(passage.takers), givers)) return;
  for (const auto& [high, takers] : passage.takers) {
    if (order_.DominatesAll(high, givers)) continue;
    for (const auto& [low, nodes] : passage.givers) {
      if (!order_.Dominates(high, low)) AddThrough(passage, nodes, takers);
      if (overflow_) return;
    }
  }
}

void FlowChecker::CheckPassages() {
  for (const Passage& passage : Passages()) {
    CheckPassage(passage);
    if (overflow_) return;
  }
}

Verdict FlowChecker::Take() {
  CheckEdges();
  CheckPassages();
  Verdict sealed = SealChecker(graph_, order_).Take();
  for (Violation& violation : sealed.violations) Add(std::move(violation));
  verdict_.complete = !graph_.truncated() && !overflow_ && sealed.complete;
  std::ranges::sort(verdict_.violations, {}, [](const Violation& v) {
    const FlowEdge& first = v.path.front();
    return std::tuple(v.from, v.to, v.opened, first.kind, first.rule, first.to);
  });
  return std::move(verdict_);
}

Verdict FindViolations(const FlowGraph& graph) { return FlowChecker(graph).Take(); }

}  // namespace bulkhead::vmspec
