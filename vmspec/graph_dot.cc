// SPDX-License-Identifier: GPL-2.0-or-later
/// DotOf: the drawing for Graphviz.
#include <algorithm>
#include <array>
#include <charconv>
#include <map>

#include "vmspec/graph_drawing.h"
#include "vmspec/scalars.h"

namespace bulkhead::vmspec {

namespace {

constexpr int kNoRank = -1;
constexpr char kHead[] =
    "digraph bulkhead {\n"
    "  graph [rankdir=BT, fontname=\"sans-serif\", fontsize=10, nodesep=0.45, ranksep=0.7, "
    "pad=0.3, labelloc=b, bgcolor=white];\n"
    "  node [fontname=\"sans-serif\", fontsize=11, style=filled, fillcolor=white, "
    "color=\"#444444\"];\n"
    "  edge [fontname=\"sans-serif\", fontsize=9, color=\"#333333\", fontcolor=\"#333333\"];\n";

/// A quoted string of DOT in which nothing means anything: no quote, no escape like \N, no entity
/// like &lt;.
std::string Text(const std::string& text) {
  std::string out;
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c == '&' ? "&amp;" : std::string(1, c);
  }
  return out;
}

unsigned Channel(const std::string& colour, std::size_t at) {
  unsigned value = 0;
  std::from_chars(colour.data() + at, colour.data() + at + 2, value, 16);
  return value;
}

/// Black or white, whichever is read better on the colour (Rec. 601 luma).
const char* InkOn(const std::string& colour) {
  unsigned luma = 299 * Channel(colour, 1) + 587 * Channel(colour, 3) + 114 * Channel(colour, 5);
  return luma > 140'000 ? "black" : "white";
}

std::string NodeText(const DrawnNode& node, std::size_t index) {
  std::string id = "  n" + std::to_string(index) + " [";
  if (node.kind == NodeKind::kLevel) {
    std::string colour = IsColour(node.colour) ? node.colour : "#808080";
    std::string label = node.label ? "label " + node.label->ToString() : "";
    std::string name = node.title.empty() ? "" : Text(node.title) + "\\n";
    return id + "shape=box, style=\"filled,rounded\", margin=\"0.25,0.12\", fillcolor=\"" + colour +
           "\", fontcolor=" + InkOn(colour) + ", label=\"" + name + Text(node.name) + "\\n" +
           Text(label) + "\"];\n";
  }
  constexpr std::array kShapes = {"box", "ellipse", "cylinder", "cylinder", "folder", "note"};
  std::string label = node.label ? "\\nlabel " + Text(node.label->ToString()) : "";
  return id + "shape=" + kShapes[static_cast<std::size_t>(node.kind)] +
         ", fillcolor=\"#f2f2f2\", label=\"" + Text(node.title) + label + "\"];\n";
}

/// Nodes of one rank stand in one row, beside a word; the words stand in a column. What has no
/// label, such as any microphone, stands below them all: it is of no rank.
std::string RowsText(const Drawing& drawing) {
  std::map<int, std::string> rows;
  for (std::size_t i = 0; i < drawing.nodes.size(); ++i) {
    const DrawnNode& node = drawing.nodes[i];
    rows[node.label ? node.label->rank : kNoRank] += " n" + std::to_string(i) + ";";
  }
  std::string out;
  std::string chain;
  for (const auto& [rank, members] : rows) {
    std::string id = rank == kNoRank ? "unlabelled" : "r" + std::to_string(rank);
    std::string word = rank == kNoRank ? "no label" : "rank " + std::to_string(rank);
    out += "  " + id +
           " [shape=plaintext, style=\"\", group=ranks, fontcolor=\"#777777\", label=\"" + word +
           "\"];\n  { rank=same; " + id + ";" + members + " }\n";
    chain += (chain.empty() ? "  " : " -> ") + id;
  }
  if (rows.size() > 1) out += chain + " [style=invis, weight=1000];\n";
  return out;
}

std::string StyleOf(Passage passage) {
  switch (passage) {
    case Passage::kSealed:
      return "style=dashed, color=\"#1f6fb2\", fontcolor=\"#1f6fb2\"";
    case Passage::kDeclassified:
      return "style=bold, penwidth=2.5, color=\"#c0261c\", fontcolor=\"#c0261c\"";
    case Passage::kClear:
      break;
  }
  return "style=solid";
}

std::string ArrowText(const Drawing& drawing, const Arrow& arrow) {
  auto rank_of = [&](std::size_t node) {
    const auto& label = drawing.nodes[node].label;
    return label ? label->rank : kNoRank;
  };
  // Written from the lower to the higher one, so that the lower stands below.
  bool turned = rank_of(arrow.from) > rank_of(arrow.to);
  std::string names;
  for (const std::string& name : arrow.names) names += (names.empty() ? "" : ", ") + name;
  const char* direction = arrow.both_ways ? "both" : turned ? "back" : "forward";
  return "  n" + std::to_string(turned ? arrow.to : arrow.from) + " -> n" +
         std::to_string(turned ? arrow.from : arrow.to) + " [dir=" + direction + ", " +
         StyleOf(arrow.passage) + ", label=\" " + Text(names) + " \"];\n";
}

std::string LegendText(const Drawing& drawing) {
  struct Entry {
    Passage passage;
    const char* line;
    const char* colour;
    const char* meaning;
  };
  constexpr Entry kEntries[] = {
      {Passage::kClear, "\xE2\x94\x80\xE2\x94\x80\xE2\x94\x80\xE2\x96\xB6", "#333333",
       "information in clear"},
      {Passage::kSealed, "\xE2\x95\xB6 \xE2\x95\xB6 \xE2\x95\xB6\xE2\x96\xB6", "#1f6fb2",
       "sealed: only ciphertext"},
      {Passage::kDeclassified, "\xE2\x94\x81\xE2\x94\x81\xE2\x94\x81\xE2\x96\xB6", "#c0261c",
       "declassified: in clear against the lattice"}};
  std::string cells;
  for (const Entry& entry : kEntries) {
    auto used = [&](const Arrow& arrow) { return arrow.passage == entry.passage; };
    if (entry.passage != Passage::kClear && !std::ranges::any_of(drawing.arrows, used)) continue;
    cells += std::string("<TD><FONT COLOR=\"") + entry.colour + "\">" + entry.line +
             "</FONT></TD><TD>" + entry.meaning + "   </TD>";
  }
  return "  label=<<TABLE BORDER=\"0\" CELLSPACING=\"6\"><TR>" + cells + "</TR></TABLE>>;\n";
}

}  // namespace

std::string DotOf(const Drawing& drawing) {
  std::string out = kHead + LegendText(drawing);
  for (std::size_t i = 0; i < drawing.nodes.size(); ++i) out += NodeText(drawing.nodes[i], i);
  out += RowsText(drawing);
  for (const Arrow& arrow : drawing.arrows) out += ArrowText(drawing, arrow);
  return out + "}\n";
}

}  // namespace bulkhead::vmspec
