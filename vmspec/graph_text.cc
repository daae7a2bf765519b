// SPDX-License-Identifier: GPL-2.0-or-later
/// TextOf: the drawing for a terminal.
#include <algorithm>
#include <array>
#include <utility>

#include "vmspec/graph_drawing.h"

namespace bulkhead::vmspec {

namespace {

constexpr std::size_t kMaxLevels = 20;
constexpr std::size_t kMaxName = 34;
constexpr std::size_t kLane = 2;  ///< columns

std::size_t Width(const std::string& text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string Cut(const std::string& text, std::size_t columns) {
  if (Width(text) <= columns) return text;
  std::string out;
  for (char c : text) {
    bool begins = (static_cast<unsigned char>(c) & 0xC0) != 0x80;
    if (begins && Width(out) + 1 == columns) break;
    out += c;
  }
  return out + "…";
}

std::string Padded(std::string text, std::size_t columns) {
  text.append(columns - std::min(columns, Width(text)), ' ');
  return text;
}

/// The lane of each arrow: arrows whose lines do not touch share one.
std::vector<std::size_t> LanesOf(const Drawing& drawing) {
  std::vector<std::size_t> lanes(drawing.arrows.size());
  std::vector<std::size_t> order(drawing.arrows.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  auto top = [&](std::size_t i) {
    const Arrow& arrow = drawing.arrows[i];
    auto [low, high] = std::minmax(arrow.from, arrow.to);
    return std::pair(low, high);
  };
  std::ranges::sort(order, {}, top);
  std::vector<std::size_t> ends;  // the last line of each lane
  for (std::size_t i : order) {
    auto [first, last] = top(i);
    // With an empty cell between two arrows of a lane they cannot be taken for one.
    auto free = std::ranges::find_if(ends, [&](std::size_t end) { return end + 1 < first; });
    lanes[i] = static_cast<std::size_t>(free - ends.begin());
    if (free == ends.end()) {
      ends.push_back(last);
    } else {
      *free = last;
    }
  }
  return lanes;
}

/// The sign of an arrow in the line of a node; empty: it does not come by.
const char* SignAt(const Arrow& arrow, std::size_t line) {
  constexpr std::array kLines = {"│", "┊", "║"};
  auto [top, bottom] = std::minmax(arrow.from, arrow.to);
  if (line < top || line > bottom) return "";
  if (line != top && line != bottom) return kLines[static_cast<std::size_t>(arrow.passage)];
  bool is_end = line == arrow.to || arrow.both_ways;
  if (!is_end) return "o";
  return line == top ? "▲" : "▼";
}

std::string NameOf(const DrawnNode& node) {
  if (node.kind != NodeKind::kLevel) return node.title;
  return node.title.empty() ? node.name : node.name + "  " + node.title;
}

std::string RankOf(const DrawnNode& node) { return node.label ? node.label->ToString() : "-"; }

}  // namespace

std::optional<std::string> TextOf(const Drawing& drawing, std::size_t columns) {
  auto is_level = [](const DrawnNode& node) { return node.kind == NodeKind::kLevel; };
  if (std::ranges::count_if(drawing.nodes, is_level) > static_cast<std::ptrdiff_t>(kMaxLevels)) {
    return std::nullopt;
  }
  std::vector<std::size_t> lanes = LanesOf(drawing);
  std::size_t lane_count = 0;
  for (std::size_t lane : lanes) lane_count = std::max(lane_count, lane + 1);
  std::size_t rank_width = 5;
  std::size_t name_width = 4;
  for (const DrawnNode& node : drawing.nodes) {
    rank_width = std::max(rank_width, std::min(Width(RankOf(node)), kMaxName / 2));
    name_width = std::max(name_width, std::min(Width(NameOf(node)), kMaxName));
  }
  if (rank_width + name_width + 4 + lane_count * kLane > columns) return std::nullopt;
  std::string out = Padded("LABEL", rank_width) + "  NODE\n";
  for (std::size_t line = 0; line < drawing.nodes.size(); ++line) {
    std::vector<std::string> signs(lane_count);
    for (std::size_t i = 0; i < lanes.size(); ++i) {
      std::string sign = SignAt(drawing.arrows[i], line);
      if (!sign.empty()) signs[lanes[i]] = sign;
    }
    const DrawnNode& node = drawing.nodes[line];
    std::string text = Padded(Cut(RankOf(node), rank_width), rank_width) + "  " +
                       Padded(Cut(NameOf(node), name_width), name_width) + "  ";
    for (const std::string& sign : signs) text += Padded(sign, kLane);
    out += text.substr(0, text.find_last_not_of(' ') + 1) + "\n";
  }
  return out;
}

}  // namespace bulkhead::vmspec
