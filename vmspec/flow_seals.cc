// SPDX-License-Identifier: GPL-2.0-or-later
/// Sealed information: from where it was sealed to where it is opened.
#include <algorithm>
#include <tuple>

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

/// Only who does not dominate is a danger; where there is none, nothing is searched.
void SealChecker::TryOpener(std::uint32_t sealer, std::uint32_t opener) {
  const FlowEdge& sealed = EdgeAt(sealer);
  if (order_.Dominates(order_.Of(EdgeAt(opener).to), order_.Of(sealed.from))) return;
  if (candidates_.size() >= kMaxCandidates) {
    complete_ = false;
  } else {
    candidates_.push_back({sealed.to, sealer, opener});
  }
}

void SealChecker::FindCandidates() {
  for (std::uint32_t i = 0; i < graph_.edges().size() && complete_; ++i) {
    const FlowEdge& edge = EdgeAt(i);
    const std::vector<std::uint32_t>& keys = graph_.RuleOf(edge).keys;
    if (edge.kind != EdgeKind::kEncrypt || order_.Of(edge.from) == kNoLabel || keys.empty()) {
      continue;
    }
    for (std::uint32_t opener : openers_of_any_) TryOpener(i, opener);
    for (std::uint32_t key : keys) {
      auto openers = openers_of_key_.find(key);
      if (openers == openers_of_key_.end()) continue;
      for (std::uint32_t opener : openers->second) TryOpener(i, opener);
    }
  }
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

std::vector<FlowEdge> SealChecker::PathTo(const Candidate& candidate) const {
  std::vector<FlowEdge> path = {EdgeAt(candidate.opener)};
  for (NodeId at = path.front().from; at != candidate.start;) {
    path.push_back(EdgeAt(reached_by_[at]));
    at = path.back().from;
  }
  path.push_back(EdgeAt(candidate.sealer));
  std::ranges::reverse(path);
  return path;
}

/// One for each sealing level and label of those who open; the shortest way is shown.
void SealChecker::Report(const Candidate& candidate) {
  NodeId from = EdgeAt(candidate.sealer).from;
  NodeId to = EdgeAt(candidate.opener).to;
  auto [place, is_new] = found_.try_emplace({from, order_.Of(to)});
  Violation& violation = place->second;
  std::vector<FlowEdge> path = PathTo(candidate);
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

void SealChecker::CheckFrom(std::span<const Candidate> candidates) {
  Search(candidates.front().start);
  for (const Candidate& candidate : candidates) {
    if (reached_in_[EdgeAt(candidate.opener).from] == search_) Report(candidate);
  }
}

/// By start; one that several keys make is one.
void SealChecker::SortCandidates() {
  auto key = [](const Candidate& c) { return std::tie(c.start, c.sealer, c.opener); };
  std::ranges::sort(candidates_, {}, key);
  auto twice = std::ranges::unique(candidates_, {}, key);
  candidates_.erase(twice.begin(), twice.end());
}

Verdict SealChecker::Take() {
  FindOpeners();
  FindCandidates();
  reached_by_.resize(graph_.nodes().size());
  reached_in_.resize(graph_.nodes().size());
  SortCandidates();
  for (std::size_t first = 0, last = 0; first < candidates_.size(); first = last) {
    while (last < candidates_.size() && candidates_[last].start == candidates_[first].start) ++last;
    CheckFrom(std::span(candidates_).subspan(first, last - first));
    if (steps_ > kMaxSteps || found_.size() > kMaxViolations) complete_ = false;
    if (!complete_) break;
  }
  Verdict verdict;
  verdict.complete = complete_;
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
