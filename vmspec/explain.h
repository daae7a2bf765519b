// SPDX-License-Identifier: GPL-2.0-or-later
/// Every way that information can get from one node to another, and the rule that is missing where
/// there is none (X2). Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "vmspec/flow_graph.h"
#include "vmspec/risks.h"

namespace bulkhead::vmspec {

/// What arrives at the end of a way.
enum class Outcome : std::uint8_t {
  kClear,
  kOpened,       ///< in clear: it was sealed by `by` and opened again
  kSealed,       ///< only ciphertext, sealed by `by`
  kDeclassified  ///< in clear, under the label that the downgrade `by` gave it
};
/// "clear", "opened", "sealed", "declassified": for JSON.
std::string_view NameOf(Outcome outcome);

struct Way {
  std::vector<FlowEdge> steps;  ///< no node comes twice, but where it is opened
  Outcome outcome = Outcome::kClear;
  std::optional<FlowEdge> by;
};

struct Explanation {
  NodeId from = 0;
  NodeId to = 0;
  std::vector<Way> ways;     ///< shortest first
  std::size_t left_out = 0;  ///< further ways that were counted
  bool more = false;         ///< and there may be others, which were not counted
  /// Where nothing arrives that can be read: the rule that is missing, whether the lattice would
  /// allow it, and what half of a rule is there. Sentences.
  std::vector<std::string> missing;
  std::vector<Risk> risks;  ///< accepted, between these two
};

/// `from` and `to` are nodes of the graph of `spec`, and differ.
Explanation Explain(const SpecSet& spec, const FlowGraph& graph, NodeId from, NodeId to,
                    std::size_t most_ways = 20);

/// "in clear", "only ciphertext for \"hq\"", "declassified by flow \"press\": \"reason\"".
std::string Sentence(const FlowGraph& graph, const Way& way);

}  // namespace bulkhead::vmspec
