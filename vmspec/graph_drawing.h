// SPDX-License-Identifier: GPL-2.0-or-later
/// The flow graph as a picture: what is drawn, as Graphviz text and as lines for a terminal. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "vmspec/flow_graph.h"

namespace bulkhead::vmspec {

/// How information passes an arrow.
enum class Passage : std::uint8_t {
  kClear,
  kSealed,        ///< only ciphertext
  kDeclassified,  ///< in clear against the lattice, with a reason
};
/// "clear", "sealed", "declassified"
std::string_view NameOf(Passage passage);

struct DrawnNode {
  NodeKind kind = NodeKind::kLevel;
  std::string name;  ///< printable
  /// Of a level: what people see, empty when that is its name but for capitals; of others
  /// FlowNode::Title().
  std::string title;
  std::string colour;          ///< of a level
  std::optional<Label> label;  ///< nothing: a device, a clipboard ...
};

/// All edges of one passage between two nodes.
struct Arrow {
  std::size_t from = 0;  ///< indices of nodes
  std::size_t to = 0;
  bool both_ways = false;
  Passage passage = Passage::kClear;
  std::vector<std::string> names;  ///< "flow up", "network", "storage"; printable
  Origin origin;                   ///< of the first
};

/// Levels and uplinks, and of the rest what an arrow touches. Nodes are in order of label (the
/// highest rank first, those without a label last), then of kind and name.
struct Drawing {
  std::vector<DrawnNode> nodes;
  std::vector<Arrow> arrows;  ///< in order of `from` and `to`
};

Drawing Draw(const SpecSet& spec);

/// A whole Graphviz document; no name can get out of its label.
std::string DotOf(const Drawing& drawing);

/// One line a node, high ranks on top, and a lane for each arrow: it begins at a "o" and ends at an
/// arrow head. Nothing when it does not fit `columns`, or has more than 20 levels.
std::optional<std::string> TextOf(const Drawing& drawing, std::size_t columns);

}  // namespace bulkhead::vmspec
