// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/graph_drawing.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "vmspec/base/sanitize.h"

namespace bulkhead::vmspec {

namespace {

Passage PassageOf(EdgeKind kind) {
  if (kind == EdgeKind::kEncrypt) return Passage::kSealed;
  return kind == EdgeKind::kDowngrade ? Passage::kDeclassified : Passage::kClear;
}

/// What stands at the arrow: short, the sentences are in `spec explain`.
std::string ArrowName(const FlowGraph& graph, const FlowEdge& edge) {
  std::string name = Printable(graph.RuleOf(edge).name, 80);
  switch (edge.kind) {
    case EdgeKind::kTransfer:
    case EdgeKind::kDowngrade:
    case EdgeKind::kEncrypt:
    case EdgeKind::kDecrypt:
      return "flow " + name;
    case EdgeKind::kService:
      return "service " + name;
    case EdgeKind::kOpen:
      return "key " + name;
    case EdgeKind::kUplinkOut:
    case EdgeKind::kUplinkIn:
      return "rules";
    case EdgeKind::kRoute:
      return "route";
    case EdgeKind::kSameNetwork:
      return "same network";
    case EdgeKind::kDeviceOut:
      return edge.device_class == DeviceClass::kStorage ? "write" : "use";
    case EdgeKind::kDeviceIn:
      return edge.device_class == DeviceClass::kStorage ? "read" : "use";
    case EdgeKind::kTokenOut:
      return "write";
    case EdgeKind::kTokenIn:
      return "read";
    case EdgeKind::kClipboardOut:
      return "copy";
    case EdgeKind::kClipboardIn:
      return "paste";
  }
  return name;
}

char Lowered(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

DrawnNode NodeOf(const FlowNode& node, const SpecSet& spec) {
  DrawnNode out{node.kind, Printable(node.name, 80), node.Title(), {}, node.label};
  if (node.kind != NodeKind::kLevel) return out;
  auto level = spec.levels.find(node.name);
  if (level == spec.levels.end()) return out;
  out.title = Printable(level->second.title, 80);
  bool same = std::ranges::equal(out.title, out.name, {}, Lowered, Lowered);
  if (same) out.title.clear();
  out.colour = level->second.colour;
  return out;
}

/// Which nodes are drawn, and where each stands in the drawing.
std::vector<NodeId> DrawnIds(const FlowGraph& graph) {
  std::vector<bool> touched(graph.nodes().size(), false);
  for (const FlowEdge& edge : graph.edges()) {
    if (edge.from == edge.to) continue;
    touched[edge.from] = touched[edge.to] = true;
  }
  std::vector<NodeId> ids;
  for (NodeId id = 0; id < graph.nodes().size(); ++id) {
    NodeKind kind = graph.node(id).kind;
    if (touched[id] || kind == NodeKind::kLevel || kind == NodeKind::kUplink) ids.push_back(id);
  }
  auto order = [&](NodeId id) {
    const FlowNode& node = graph.node(id);
    int rank = node.label ? node.label->rank : -1;
    std::size_t compartments = node.label ? node.label->compartments.size() : 0;
    return std::tuple(-rank, -static_cast<int>(compartments), node.kind, node.name);
  };
  std::ranges::sort(ids, {}, order);
  return ids;
}

/// Arrows by their ends, lower index first, and passage.
class Arrows {
 public:
  void Add(std::size_t from, std::size_t to, Passage passage, std::string name,
           const Origin& origin) {
    auto ends = std::minmax(from, to);
    auto [found, is_new] = all_.try_emplace(std::tuple(ends.first, ends.second, passage));
    Arrow& arrow = found->second;
    if (is_new) arrow = {from, to, false, passage, {}, origin};
    if (arrow.from != from) arrow.both_ways = true;
    if (std::ranges::find(arrow.names, name) == arrow.names.end()) {
      arrow.names.push_back(std::move(name));
    }
  }
  std::vector<Arrow> Take() {
    std::vector<Arrow> out;
    for (auto& [ends, arrow] : all_) out.push_back(std::move(arrow));
    return out;
  }

 private:
  std::map<std::tuple<std::size_t, std::size_t, Passage>, Arrow> all_;
};

}  // namespace

std::string_view NameOf(Passage passage) {
  static constexpr std::string_view kNames[] = {"clear", "sealed", "declassified"};
  return kNames[static_cast<std::size_t>(passage)];
}

Drawing Draw(const SpecSet& spec) {
  FlowGraph graph = FlowGraph::Build(spec);
  Drawing drawing;
  std::vector<std::size_t> place(graph.nodes().size());
  for (NodeId id : DrawnIds(graph)) {
    place[id] = drawing.nodes.size();
    drawing.nodes.push_back(NodeOf(graph.node(id), spec));
  }
  Arrows arrows;
  for (const FlowEdge& edge : graph.edges()) {
    if (edge.from == edge.to) continue;
    arrows.Add(place[edge.from], place[edge.to], PassageOf(edge.kind), ArrowName(graph, edge),
               graph.OriginOf(edge));
  }
  drawing.arrows = arrows.Take();
  return drawing;
}

}  // namespace bulkhead::vmspec
