// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/label_order.h"

#include <algorithm>
#include <map>
#include <string>

namespace bulkhead::vmspec {

LabelOrder::LabelOrder(const FlowGraph& graph) {
  std::map<std::string, std::uint32_t> compartments;
  for (const FlowNode& node : graph.nodes()) {
    if (!node.label) continue;
    for (const std::string& name : node.label->compartments) compartments.emplace(name, 0);
  }
  std::uint32_t next = 0;
  for (auto& [name, number] : compartments) number = next++;
  std::map<Compact, LabelId> ids;
  for (const FlowNode& node : graph.nodes()) {
    if (!node.label) {
      of_node_.push_back(kNoLabel);
      continue;
    }
    Compact compact{node.label->rank, {}};
    for (const std::string& name : node.label->compartments) {
      compact.compartments.push_back(compartments.at(name));
    }
    auto [place, is_new] = ids.try_emplace(compact, static_cast<LabelId>(labels_.size()));
    if (is_new) labels_.push_back(std::move(compact));
    of_node_.push_back(place->second);
  }
}

bool LabelOrder::Dominates(const Compact& high, const Compact& low) {
  return high.rank >= low.rank && high.compartments.size() >= low.compartments.size() &&
         std::ranges::includes(high.compartments, low.compartments);
}

LabelOrder::Compact LabelOrder::Join(const std::set<LabelId>& labels) const {
  Compact join;
  std::set<std::uint32_t> compartments;
  for (LabelId label : labels) {
    join.rank = std::max(join.rank, labels_[label].rank);
    compartments.insert(labels_[label].compartments.begin(), labels_[label].compartments.end());
  }
  join.compartments.assign(compartments.begin(), compartments.end());
  return join;
}

bool LabelOrder::DominatesAll(LabelId high, const std::set<LabelId>& lows) const {
  return Dominates(labels_[high], Join(lows));
}

bool LabelOrder::AllDominate(const std::set<LabelId>& highs, const std::set<LabelId>& lows) const {
  Compact join = Join(lows);
  return std::ranges::all_of(highs, [&](LabelId high) { return Dominates(labels_[high], join); });
}

}  // namespace bulkhead::vmspec
