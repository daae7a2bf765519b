// SPDX-License-Identifier: GPL-2.0-or-later
/// I6 over random lattices and spec sets: the checker and a naive closure say the same. Each
/// failure names its seed; BULKHEAD_SEED=N runs from another one.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <map>

#include "tests/unit/vmspec/naive_closure.h"
#include "tests/unit/vmspec/random_sets.h"
#include "vmspec/explain.h"

namespace bulkhead::vmspec {
namespace {

constexpr std::uint32_t kSets = 3000;

std::uint32_t FirstSeed() {
  const char* text = std::getenv("BULKHEAD_SEED");
  return text == nullptr ? 1 : static_cast<std::uint32_t>(std::strtoul(text, nullptr, 10));
}

std::string FullName(const FlowGraph& graph, NodeId id) {
  return std::string(NameOf(graph.node(id).kind)) + ":" + graph.node(id).name;
}

std::string Spell(const FlowGraph& graph, const FlowEdge& edge) {
  return std::string(NameOf(edge.kind)) + " " + FullName(graph, edge.from) + " " +
         FullName(graph, edge.to);
}

std::set<std::string> Hops(const FlowGraph& graph, const Verdict& verdict) {
  std::set<std::string> out;
  for (const Violation& v : verdict.violations) {
    for (NodeId a : v.sources) {
      for (NodeId b : v.ends) {
        out.insert(FullName(graph, a) + " -> " + FullName(graph, b) + (v.opened ? " opened" : ""));
      }
    }
  }
  return out;
}

/// The way begins and ends where it says, hangs together, is in the spec set, and carries what it
/// is said to carry.
void ExpectReal(const FlowGraph& graph, const Violation& v, const NaiveClosure& naive) {
  ASSERT_FALSE(v.path.empty());
  EXPECT_EQ(v.path.front().from, v.from);
  EXPECT_EQ(v.path.back().to, v.to);
  for (std::size_t i = 0; i < v.path.size(); ++i) {
    const FlowEdge& edge = v.path[i];
    EXPECT_TRUE(naive.HasEdge(Spell(graph, edge))) << Spell(graph, edge);
    EXPECT_GT(graph.OriginOf(edge).line, 0U) << Spell(graph, edge);
    EXPECT_TRUE(v.opened || CarriesInClear(edge.kind)) << Spell(graph, edge);
    if (i == 0) continue;
    EXPECT_EQ(v.path[i - 1].to, edge.from);
    EXPECT_TRUE(graph.node(edge.from).holds);
    EXPECT_TRUE(v.opened || !graph.node(edge.from).label);
  }
  if (!v.opened) return;
  EXPECT_EQ(v.path.front().kind, EdgeKind::kEncrypt);
  EXPECT_TRUE(graph.Opens(v.path.back(), v.path.front()));
}

TEST(FlowProperty, TheCheckerAndANaiveClosureSayTheSame) {
  std::map<std::string, int> codes;
  int clean = 0;
  for (std::uint32_t seed = FirstSeed(); seed < FirstSeed() + kSets; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    RandomSet random(seed);
    FlowGraph graph = random.set().Graph();
    NaiveClosure naive(random.spec());
    Verdict verdict = FindViolations(graph);
    ASSERT_TRUE(verdict.complete);
    ASSERT_EQ(Hops(graph, verdict), naive.Hops());
    ASSERT_EQ(!verdict.violations.empty(), naive.LeaksSomewhere());
    std::set<std::string> edges;
    for (const FlowEdge& edge : graph.edges()) edges.insert(Spell(graph, edge));
    ASSERT_EQ(edges, naive.edges());
    for (const Violation& v : verdict.violations) {
      ExpectReal(graph, v, naive);
      ++codes[std::string(CodeOf(graph, v))];
    }
    if (verdict.violations.empty()) ++clean;
    if (HasFailure()) return;
  }
  std::printf("seeds %u to %u: %d sets clean;", FirstSeed(), FirstSeed() + kSets - 1, clean);
  for (const auto& [code, n] : codes) std::printf(" %s %d", code.c_str(), n);
  std::printf("\n");
  EXPECT_EQ(codes.size(), 12U) << "a kind of violation never came up";
  EXPECT_GT(clean, static_cast<int>(kSets / 20));
}

/// What check finds, explain shows: a way of the same kind between the same ends.
TEST(FlowProperty, ExplainShowsWhatCheckFinds) {
  int shown = 0;
  for (std::uint32_t seed = FirstSeed(); seed < FirstSeed() + kSets; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    RandomSet random(seed);
    FlowGraph graph = random.set().Graph();
    for (const Violation& v : FindViolations(graph).violations) {
      for (NodeId end : v.ends) {
        Explanation e = Explain(random.spec(), graph, v.from, end, 1000);
        if (e.more || e.left_out > 0) continue;
        Outcome wanted = v.opened ? Outcome::kOpened : Outcome::kClear;
        bool found =
            std::ranges::any_of(e.ways, [&](const Way& way) { return way.outcome == wanted; });
        ASSERT_TRUE(found) << graph.node(v.from).name << " " << graph.node(end).name;
        ++shown;
      }
    }
  }
  EXPECT_GT(shown, 1000);
}

}  // namespace
}  // namespace bulkhead::vmspec
