// SPDX-License-Identifier: GPL-2.0-or-later
/// Sealed information: from where it was sealed to where it is opened.
#include <algorithm>

#include "vmspec/flow_checker.h"

namespace bulkhead::vmspec {

void SealChecker::FindOpeners() {
  for (std::uint32_t i = 0; i < graph_.edges().size(); ++i) {
    const FlowEdge& edge = EdgeAt(i);
    if (edge.kind != EdgeKind::kDecrypt && edge.kind != EdgeKind::kOpen) continue;
    if (order_.Of(edge.to) == kNoLabel || !graph_.CarriesOn(edge.from)) continue;
    const FlowRule& rule = graph_.RuleOf(edge);
    if (rule.any_key) openers_of_any_.push_back(i);
    for (std::uint32_t key : rule.keys) openers_of_key_[key].push_back(i);
  }
}

/// By where they lead, so that one search serves all that arrive there.
std::vector<std::uint32_t> SealChecker::Sealers() const {
  std::vector<std::uint32_t> sealers;
  for (std::uint32_t i = 0; i < graph_.edges().size(); ++i) {
    const FlowEdge& edge = EdgeAt(i);
    bool here = edge.kind == EdgeKind::kEncrypt && !graph_.RuleOf(edge).keys.empty();
    if (here && order_.Of(edge.from) != kNoLabel) sealers.push_back(i);
  }
  std::ranges::sort(sealers, {}, [&](std::uint32_t i) { return std::pair(EdgeAt(i).to, i); });
  return sealers;
}

/// Only who does not dominate is a danger; where there is none, nothing is searched.
std::vector<std::uint32_t> SealChecker::Dangerous(std::uint32_t sealer) {
  std::vector<std::uint32_t> out;
  LabelId label = order_.Of(EdgeAt(sealer).from);
  auto look = [&](const std::vector<std::uint32_t>& openers) {
    steps_ += openers.size();
    for (std::uint32_t i : openers) {
      if (!order_.Dominates(order_.Of(EdgeAt(i).to), label)) out.push_back(i);
    }
  };
  look(openers_of_any_);
  for (std::uint32_t key : graph_.RuleOf(EdgeAt(sealer)).keys) {
    auto openers = openers_of_key_.find(key);
    if (openers != openers_of_key_.end()) look(openers->second);
  }
  std::ranges::sort(out);
  auto twice = std::ranges::unique(out);
  out.erase(twice.begin(), twice.end());
  return out;
}

/// Breadth first over everything that ciphertext passes, which is every edge.
void SealChecker::Search(NodeId start) {
  ++search_;
  std::vector<NodeId> queue;
  if (!graph_.CarriesOn(start)) return;
  queue.push_back(start);
  reached_in_[start] = search_;
  for (std::size_t at = 0; at < queue.size(); ++at) {
    for (const FlowEdge& edge : graph_.Out(queue[at])) {
      ++steps_;
      if (reached_in_[edge.to] == search_) continue;
      reached_in_[edge.to] = search_;
      reached_by_[edge.to] = static_cast<std::uint32_t>(&edge - graph_.edges().data());
      if (graph_.CarriesOn(edge.to)) queue.push_back(edge.to);
    }
  }
}

std::vector<FlowEdge> SealChecker::PathTo(const Opening& opening) const {
  std::vector<FlowEdge> path = {EdgeAt(opening.opener)};
  for (NodeId at = path.front().from; at != opening.start;) {
    path.push_back(EdgeAt(reached_by_[at]));
    at = path.back().from;
  }
  path.push_back(EdgeAt(opening.sealer));
  std::ranges::reverse(path);
  return path;
}

/// One for each sealing level and label of those who open; the shortest way is shown.
void SealChecker::Report(const Opening& opening) {
  NodeId from = EdgeAt(opening.sealer).from;
  NodeId to = EdgeAt(opening.opener).to;
  auto [place, is_new] = found_.try_emplace({from, order_.Of(to)});
  Violation& violation = place->second;
  std::vector<FlowEdge> path = PathTo(opening);
  if (!is_new) ++violation.more_ways;
  if (is_new || path.size() < violation.path.size()) {
    violation.from = from;
    violation.to = to;
    violation.path = std::move(path);
  }
  violation.opened = true;
  violation.sources = {from};
  violation.ends.push_back(to);
}

void SealChecker::Check(std::uint32_t sealer) {
  std::vector<std::uint32_t> openers = Dangerous(sealer);
  if (openers.empty()) return;
  NodeId start = EdgeAt(sealer).to;
  if (searched_ != start) Search(start);
  searched_ = start;
  for (std::uint32_t opener : openers) {
    if (reached_in_[EdgeAt(opener).from] == search_) Report({start, sealer, opener});
  }
}

Verdict SealChecker::Take() {
  FindOpeners();
  reached_by_.resize(graph_.nodes().size());
  reached_in_.resize(graph_.nodes().size());
  Verdict verdict;
  for (std::uint32_t sealer : Sealers()) {
    Check(sealer);
    verdict.complete = steps_ <= kMaxSteps && found_.size() <= kMaxViolations;
    if (!verdict.complete) break;
  }
  for (auto& [ends, violation] : found_) {
    std::ranges::sort(violation.ends);
    auto twice = std::ranges::unique(violation.ends);
    violation.ends.erase(twice.begin(), twice.end());
    violation.more_ways -= violation.ends.size() - 1;
    verdict.violations.push_back(std::move(violation));
  }
  return verdict;
}

}  // namespace bulkhead::vmspec
