// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/explain.h"

#include <algorithm>
#include <array>
#include <queue>

#include "vmspec/faults.h"
#include "vmspec/flow_check.h"
#include "vmspec/missing_rule.h"
#include "vmspec/opened_ways.h"

namespace bulkhead::vmspec {

namespace {

constexpr std::uint32_t kFar = UINT32_MAX;
/// Beginnings of ways that are looked at before the rest is left uncounted.
constexpr std::size_t kMaxBeginnings = 100'000;

bool Moves(const FlowEdge& edge) { return edge.kind != EdgeKind::kOpen; }

/// Simple paths, shortest first: the beginning whose shortest end makes it shortest is carried on.
class WayFinder {
 public:
  WayFinder(const FlowGraph& graph, NodeId from, NodeId to)
      : graph_(graph), from_(from), to_(to), far_(graph.nodes().size(), kFar) {
    MeasureDistances();
  }

  /// Each path is handed over once; false: there may be more.
  template <typename Take>
  bool Each(Take take) {
    if (far_[from_] == kFar) return true;
    Push({far_[from_], 0, kFar, {}});
    while (!queue_.empty()) {
      std::uint32_t at = queue_.top().index;
      queue_.pop();
      NodeId end = EndOf(at);
      if (end == to_) {
        take(PathOf(at));
        continue;
      }
      for (const FlowEdge& edge : graph_.Out(end)) {
        if (!Moves(edge) || far_[edge.to] == kFar || Visits(at, edge.to)) continue;
        if (beginnings_.size() >= kMaxBeginnings) return false;
        std::uint32_t length = beginnings_[at].length + 1;
        Push({length + far_[edge.to], length, at, edge});
      }
    }
    return true;
  }

 private:
  struct Beginning {
    std::uint32_t least = 0;  ///< edges of the shortest way that begins like this
    std::uint32_t length = 0;
    std::uint32_t before = kFar;
    FlowEdge last;
  };
  struct Waiting {
    std::uint32_t least;
    std::uint32_t index;
    bool operator<(const Waiting& other) const {
      return std::pair(least, index) > std::pair(other.least, other.index);
    }
  };

  /// From each node to the end, over nodes that carry on.
  void MeasureDistances() {
    std::vector<std::vector<NodeId>> in(graph_.nodes().size());
    for (const FlowEdge& edge : graph_.edges()) {
      if (Moves(edge)) in[edge.to].push_back(edge.from);
    }
    std::vector<NodeId> queue = {to_};
    far_[to_] = 0;
    for (std::size_t at = 0; at < queue.size(); ++at) {
      for (NodeId id : in[queue[at]]) {
        if (far_[id] != kFar || (id != from_ && !graph_.CarriesOn(id))) continue;
        far_[id] = far_[queue[at]] + 1;
        queue.push_back(id);
      }
    }
  }

  void Push(Beginning beginning) {
    queue_.push({beginning.least, static_cast<std::uint32_t>(beginnings_.size())});
    beginnings_.push_back(beginning);
  }

  [[nodiscard]] NodeId EndOf(std::uint32_t at) const {
    return beginnings_[at].before == kFar ? from_ : beginnings_[at].last.to;
  }

  [[nodiscard]] bool Visits(std::uint32_t at, NodeId id) const {
    for (; beginnings_[at].before != kFar; at = beginnings_[at].before) {
      if (beginnings_[at].last.to == id) return true;
    }
    return id == from_;
  }

  [[nodiscard]] std::vector<FlowEdge> PathOf(std::uint32_t at) const {
    std::vector<FlowEdge> path;
    for (; beginnings_[at].before != kFar; at = beginnings_[at].before) {
      path.push_back(beginnings_[at].last);
    }
    std::ranges::reverse(path);
    return path;
  }

  const FlowGraph& graph_;
  NodeId from_;
  NodeId to_;
  std::vector<std::uint32_t> far_;
  std::vector<Beginning> beginnings_;
  std::priority_queue<Waiting> queue_;
};

/// Carries information along a path: what it is at each step.
class Traveller {
 public:
  explicit Traveller(const FlowGraph& graph) : graph_(graph) {}

  Way Travel(const std::vector<FlowEdge>& path) {
    for (const FlowEdge& edge : path) {
      way_.steps.push_back(edge);
      Step(edge);
      OpenAt(edge.to);
    }
    return std::move(way_);
  }

 private:
  [[nodiscard]] bool Sealed() const { return way_.outcome == Outcome::kSealed; }

  void Step(const FlowEdge& edge) {
    // What is sealed already stays so for the first recipients: who opens the outer layer gets it.
    if (Sealed()) {
      if (edge.kind == EdgeKind::kDecrypt && graph_.Opens(edge, *way_.by)) {
        way_.outcome = Outcome::kOpened;
      }
    } else if (edge.kind == EdgeKind::kEncrypt || edge.kind == EdgeKind::kDowngrade) {
      way_.outcome = edge.kind == EdgeKind::kEncrypt ? Outcome::kSealed : Outcome::kDeclassified;
      way_.by = edge;
    }
  }

  void OpenAt(NodeId id) {
    if (!Sealed()) return;
    for (const FlowEdge& edge : graph_.Out(id)) {
      if (edge.kind != EdgeKind::kOpen || !graph_.Opens(edge, *way_.by)) continue;
      way_.steps.push_back(edge);
      way_.outcome = Outcome::kOpened;
      return;
    }
  }

  const FlowGraph& graph_;
  Way way_;
};

/// Edges that move; opening does not.
std::size_t Length(const Way& way) {
  return static_cast<std::size_t>(std::ranges::count_if(way.steps, Moves));
}

/// What no simple path tells: ciphertext that is opened where it came sealed before, or that is
/// sent on sealed by somebody who could open it.
void AddOpenedWays(const FlowGraph& graph, std::size_t most_ways, Explanation& out) {
  OpenedWays opened = FindOpenedWays(graph, out.from, out.to);
  out.more = out.more || !opened.complete;
  for (const std::vector<FlowEdge>& path : opened.ways) {
    bool shown = std::ranges::any_of(out.ways, [&](const Way& way) {
      return way.outcome == Outcome::kOpened && way.by && way.by->rule == path[0].rule;
    });
    if (shown) continue;
    if (out.ways.size() >= most_ways) {
      ++out.left_out;
      continue;
    }
    out.ways.push_back({path, Outcome::kOpened, path[0]});
  }
  std::ranges::stable_sort(out.ways, {}, Length);
}

}  // namespace

std::string_view NameOf(Outcome outcome) {
  constexpr std::array<std::string_view, 4> names = {"clear", "opened", "sealed", "declassified"};
  return names[static_cast<std::size_t>(outcome)];
}

Explanation Explain(const SpecSet& spec, const FlowGraph& graph, NodeId from, NodeId to,
                    std::size_t most_ways) {
  Explanation out;
  out.from = from;
  out.to = to;
  bool all = WayFinder(graph, from, to).Each([&](const std::vector<FlowEdge>& path) {
    if (out.ways.size() < most_ways) {
      out.ways.push_back(Traveller(graph).Travel(path));
    } else {
      ++out.left_out;
    }
  });
  out.more = !all;
  AddOpenedWays(graph, most_ways, out);
  bool readable =
      std::ranges::any_of(out.ways, [](const Way& way) { return way.outcome != Outcome::kSealed; });
  if (!readable) out.missing = MissingRules(spec, graph, out);
  if (graph.node(from).kind == NodeKind::kLevel && graph.node(to).kind == NodeKind::kLevel) {
    out.risks = RisksBetween(spec, graph, graph.node(from).name, graph.node(to).name);
  }
  return out;
}

std::string Sentence(const FlowGraph& graph, const Way& way) {
  if (way.outcome == Outcome::kClear || !way.by) return "in clear";
  const FlowRule& rule = graph.RuleOf(*way.by);
  switch (way.outcome) {
    case Outcome::kOpened:
      return "in clear: sealed by flow " + Quoted(rule.name) + ", and opened again";
    case Outcome::kSealed:
      return "only ciphertext for " + rule.detail;
    default:
      return "in clear, declassified by flow " + Quoted(rule.name) + ": " + rule.detail;
  }
}

}  // namespace bulkhead::vmspec
