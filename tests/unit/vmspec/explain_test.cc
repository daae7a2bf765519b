// SPDX-License-Identifier: GPL-2.0-or-later
/// X2: every way from A to B, what arrives, and what is missing.
#include "vmspec/explain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/vmspec/naive_closure.h"
#include "tests/unit/vmspec/random_sets.h"

namespace bulkhead::vmspec {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Explanation Between(const SetMaker& set, const FlowGraph& graph, const std::string& a,
                    const std::string& b) {
  return Explain(set.spec, graph, *graph.FindAny(a), *graph.FindAny(b));
}

/// "clear: transfer transfer; sealed: encrypt": the ways in order.
std::string Ways(const SetMaker& set, const std::string& a, const std::string& b) {
  FlowGraph graph = set.Graph();
  std::string out;
  for (const Way& way : Between(set, graph, a, b).ways) {
    out += (out.empty() ? "" : "; ") + std::string(NameOf(way.outcome)) + ":";
    for (const FlowEdge& step : way.steps) out += " " + std::string(NameOf(step.kind));
  }
  return out;
}

std::vector<std::string> Missing(const SetMaker& set, const std::string& a, const std::string& b) {
  FlowGraph graph = set.Graph();
  return Between(set, graph, a, b).missing;
}

SetMaker LowMidHigh() {
  SetMaker set;
  set.AddLevel("high", 2);
  set.AddLevel("low", 0);
  set.AddLevel("mid", 1);
  return set;
}

TEST(Explain, EveryWayShortestFirst) {
  SetMaker set = LowMidHigh();
  set.AddFlow(FlowKind::kTransfer, "low", "mid");
  set.AddFlow(FlowKind::kTransfer, "mid", "high");
  set.AddFlow(FlowKind::kTransfer, "low", "high");
  set.Lend("low", DeviceClass::kStorage, true);
  set.Lend("high", DeviceClass::kStorage);
  EXPECT_EQ(Ways(set, "low", "high"),
            "clear: transfer; clear: transfer transfer; clear: device-out device-in");
  EXPECT_EQ(Ways(set, "high", "low"), "");
}

TEST(Explain, ParallelFlowsAreWaysOfTheirOwn) {
  SetMaker set = LowMidHigh();
  set.AddFlow(FlowKind::kTransfer, "low", "high");
  set.AddFlow(FlowKind::kTransfer, "low", "high");
  EXPECT_EQ(Ways(set, "low", "high"), "clear: transfer; clear: transfer");
}

TEST(Explain, WhatIsSealedArrivesSealedUntilItIsOpened) {
  SetMaker set = LowMidHigh();
  set.AddKey("hq");
  set.AddSealed("high", "low", "hq");
  set.AddFlow(FlowKind::kTransfer, "low", "mid");
  EXPECT_EQ(Ways(set, "high", "mid"), "sealed: encrypt transfer");
  set.Use("mid", "hq", {KeyOperation::kDecrypt});
  EXPECT_EQ(Ways(set, "high", "mid"), "opened: encrypt transfer open");
  set.AddFlow(FlowKind::kDecrypt, "low", "mid").decrypt_with = {"hq"};
  EXPECT_EQ(Ways(set, "high", "mid"), "opened: encrypt transfer open; opened: encrypt decrypt");
}

TEST(Explain, ADowngradeIsNamedWithItsReason) {
  SetMaker set = LowMidHigh();
  set.AddFlow(FlowKind::kDowngrade, "high", "low").reason = "press";
  FlowGraph graph = set.Graph();
  Explanation e = Between(set, graph, "high", "low");
  ASSERT_EQ(e.ways.size(), 1U);
  EXPECT_EQ(Sentence(graph, e.ways[0]), "in clear, declassified by flow \"f0\": \"press\"");
}

TEST(Explain, WhatIsMissingAndWhetherTheLatticeWouldAllowIt) {
  SetMaker set = LowMidHigh();
  EXPECT_THAT(Missing(set, "low", "high"),
              ElementsAre("no flow leads from \"low\" to \"high\"; \"high\" dominates \"low\": a "
                          "transfer flow would be allowed"));
  EXPECT_THAT(
      Missing(set, "high", "low"),
      ElementsAre(
          "no flow leads from \"high\" to \"low\"; \"low\" does not dominate \"high\" (that "
          "needs at least rank 2): a transfer flow would be refused",
          "what may lead there: an encrypt flow, of which only ciphertext arrives, or a "
          "downgrade flow with a reason and the consent of two roles"));
}

TEST(Explain, NothingIsMissingWhereItArrivesInClear) {
  SetMaker set = LowMidHigh();
  set.AddFlow(FlowKind::kTransfer, "low", "high");
  EXPECT_THAT(Missing(set, "low", "high"), IsEmpty());
}

TEST(Explain, HalfARuleIsNamed) {
  SetMaker set = LowMidHigh();
  set.spec.levels.at("low").display.clipboard_out = {"high"};
  set.spec.levels.at("low").display.clipboard_out_origin = {"levels/low.toml", 9, 1, 1};
  set.AddUplink("net", 0, "eth0");
  set.Attach("low", "net");
  set.Attach("high", "net", false);
  set.Lend("low", DeviceClass::kStorage);
  set.Lend("high", DeviceClass::kStorage);
  EXPECT_THAT(
      Missing(set, "low", "high"),
      ElementsAre(HasSubstr("no flow leads"),
                  "\"low\" lets text out to \"high\" (levels/low.toml:9), but \"high\" takes "
                  "none from it",
                  "\"high\" is attached to uplink \"net\" (levels/high.toml:7), but has no "
                  "allow rule",
                  "both may be lent media, but \"low\" may not write them "
                  "(levels/low.toml:8)"));
}

TEST(Explain, CiphertextAloneIsNotEnoughToRead) {
  SetMaker set = LowMidHigh();
  set.AddKey("hq");
  set.AddSealed("low", "high", "hq");
  EXPECT_THAT(
      Missing(set, "low", "high"),
      ElementsAre("nobody opens at \"high\" what is sealed: there is no decrypt flow to it; "
                  "\"high\" dominates \"low\": one would be allowed"));
}

TEST(Explain, UplinksAndDevicesCanBeAskedFor) {
  SetMaker set = LowMidHigh();
  set.AddUplink("net", 0, "eth0");
  set.AddUplink("other", 0, "eth1").routes_to = {"net"};
  set.Attach("low", "net");
  set.AddDevice("stick", {DeviceClass::kStorage});
  set.Lend("mid", DeviceClass::kStorage, true);
  EXPECT_EQ(Ways(set, "low", "other"), "clear: uplink-out route");
  EXPECT_EQ(Ways(set, "mid", "stick"), "clear: device-out");
  EXPECT_THAT(Missing(set, "low", "stick"), ElementsAre("no rule leads from \"low\" to device "
                                                        "\"stick\""));
}

TEST(Explain, CannotTakeForEverOnAGraphWithMoreWaysThanCanBeCounted) {
  SetMaker set;
  for (int i = 0; i < 60; ++i) {
    std::string name = "l" + std::to_string(i);
    set.AddLevel(name, 0);
    for (int j = 0; j < i; ++j) {
      set.AddFlow(FlowKind::kTransfer, "l" + std::to_string(j), name);
      set.AddFlow(FlowKind::kTransfer, name, "l" + std::to_string(j));
    }
  }
  FlowGraph graph = set.Graph();
  Explanation e = Between(set, graph, "l0", "l59");
  EXPECT_EQ(e.ways.size(), 20U);
  EXPECT_EQ(e.ways[0].steps.size(), 1U);
  EXPECT_EQ(e.ways[19].steps.size(), 2U);
  EXPECT_GT(e.left_out, 30U);
  EXPECT_TRUE(e.more);
}

TEST(Explain, FewWaysAreCountedExactly) {
  SetMaker set;
  for (int i = 0; i < 30; ++i) {
    set.AddLevel("m" + std::to_string(i), 0);
  }
  set.AddLevel("a", 0);
  set.AddLevel("b", 0);
  for (int i = 0; i < 30; ++i) {
    set.AddFlow(FlowKind::kTransfer, "a", "m" + std::to_string(i));
    set.AddFlow(FlowKind::kTransfer, "m" + std::to_string(i), "b");
  }
  FlowGraph graph = set.Graph();
  Explanation e = Between(set, graph, "a", "b");
  EXPECT_EQ(e.ways.size(), 20U);
  EXPECT_EQ(e.left_out, 10U);
  EXPECT_FALSE(e.more);
}

/// Between all levels of random sets: a way exactly where a naive closure finds one; each hangs
/// together, visits no node twice but where
/// it opens what came sealed, and is no shorter than the one before it but
/// for steps that open.
TEST(Explain, AgreesWithANaiveClosure) {
  int ways = 0;
  for (std::uint32_t seed = 1; seed <= 400; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    RandomSet random(seed);
    FlowGraph graph = random.set().Graph();
    NaiveClosure naive(random.spec());
    for (const auto& [a, level_a] : random.spec().levels) {
      for (const auto& [b, level_b] : random.spec().levels) {
        if (a == b) continue;
        Explanation e = Between(random.set(), graph, a, b);
        ASSERT_EQ(!e.ways.empty(), naive.SomethingReaches("level:" + a, "level:" + b));
        std::size_t length = 0;
        for (const Way& way : e.ways) {
          ++ways;
          std::set<NodeId> seen = {e.from};
          bool opens = std::ranges::any_of(way.steps, [](const FlowEdge& step) {
            return step.kind == EdgeKind::kDecrypt || step.kind == EdgeKind::kOpen;
          });
          std::size_t moves = 0;
          NodeId at = e.from;
          for (const FlowEdge& step : way.steps) {
            ASSERT_EQ(step.from, at);
            at = step.to;
            if (step.kind == EdgeKind::kOpen) continue;
            ++moves;
            ASSERT_TRUE(seen.insert(at).second || opens);
          }
          ASSERT_EQ(at, e.to);
          ASSERT_GE(moves, length);
          length = moves;
        }
      }
    }
  }
  EXPECT_GT(ways, 1000);
}

/// The only decrypt flow to "mid" begins where only "mid" can bring the ciphertext.
TEST(Explain, CannotMissWhatIsOpenedWhereItCameSealedBefore) {
  SetMaker set = LowMidHigh();
  set.AddLevel("box", 1);
  set.AddKey("k");
  set.AddSealed("high", "mid", "k");
  set.AddFlow(FlowKind::kTransfer, "mid", "box");
  set.AddFlow(FlowKind::kDecrypt, "box", "mid").decrypt_with = {"k"};
  EXPECT_EQ(set.Violations(), "B0309 high -> mid (encrypt transfer decrypt)");
  EXPECT_EQ(Ways(set, "high", "mid"), "sealed: encrypt; opened: encrypt transfer decrypt");
  EXPECT_THAT(Missing(set, "high", "mid"), IsEmpty());
}

TEST(Explain, AnyKeyOfThisHostOpensNothingForARecipientElsewhere) {
  SetMaker set = LowMidHigh();
  set.spec.recipients["abroad"] = {"abroad", "sha256:abroad", "", {}};
  set.AddSealed("high", "low", "abroad");
  set.AddFlow(FlowKind::kDecrypt, "low", "mid");
  EXPECT_EQ(Ways(set, "high", "mid"), "sealed: encrypt decrypt");
}

// Accepted risks.

std::string Kinds(const std::vector<Risk>& risks) {
  std::string out;
  for (const Risk& risk : risks) out += (out.empty() ? "" : " ") + std::string(NameOf(risk.kind));
  return out;
}

TEST(Risks, SharedHardwareIsARiskBetweenDifferentLabelsOnly) {
  SetMaker set = LowMidHigh();
  set.AddLevel("low2", 0);
  FlowGraph graph = set.Graph();
  EXPECT_EQ(Kinds(RisksBetween(set.spec, graph, "low", "high")), "cpu memory disk");
  EXPECT_EQ(Kinds(RisksBetween(set.spec, graph, "low", "low2")), "");
  EXPECT_EQ(Kinds(RisksBetween(set.spec, graph, "low", "none")), "");
  EXPECT_EQ(AcceptedRisks(set.spec, graph).size(), 3U) << "grouped: not one for each pair";
}

TEST(Risks, AMicrophoneHearsWhatAnotherLevelPlays) {
  SetMaker set = LowMidHigh();
  set.Lend("high", DeviceClass::kSound);
  set.Lend("low", DeviceClass::kMicrophone);
  FlowGraph graph = set.Graph();
  EXPECT_EQ(Kinds(RisksBetween(set.spec, graph, "high", "low")), "cpu memory disk acoustic");
  EXPECT_EQ(Kinds(RisksBetween(set.spec, graph, "mid", "low")), "cpu memory disk");
  set.spec.levels.at("low").Device(DeviceClass::kMicrophone).mode = GrantMode::kNone;
  set.Lend("low", DeviceClass::kSound);
  set.Lend("high", DeviceClass::kMicrophone);
  set.spec.levels.at("high").Device(DeviceClass::kSound).mode = GrantMode::kNone;
  EXPECT_EQ(Kinds(RisksBetween(set.spec, graph, "high", "low")), "cpu memory disk")
      << "what low plays high may hear";
}

TEST(Risks, EachOtherSharedThingIsNamed) {
  SetMaker set = LowMidHigh();
  set.Lend("low", DeviceClass::kCamera);
  set.Lend("low", DeviceClass::kFido);
  set.Lend("high", DeviceClass::kFido);
  set.AddKey("k");
  set.Use("low", "k", {KeyOperation::kSign});
  set.Use("high", "k", {KeyOperation::kSign});
  set.Lend("low", DeviceClass::kPrinter);
  set.Lend("high", DeviceClass::kPrinter);
  set.AddSealed("high", "low", "k");
  set.AddFlow(FlowKind::kTransfer, "low", "high");
  FlowGraph graph = set.Graph();
  std::vector<Risk> risks = RisksBetween(set.spec, graph, "low", "high");
  EXPECT_EQ(Kinds(risks), "cpu memory disk camera fido key print-tray ciphertext flow-back");
  EXPECT_EQ(Kinds(RisksBetween(set.spec, graph, "low", "mid")), "cpu memory disk camera")
      << "no flow leads between these two";
  EXPECT_THAT(risks[5].sentence, HasSubstr("key \"k\""));
  EXPECT_THAT(risks[6].sentence, HasSubstr("any printer"));
  EXPECT_EQ(risks[7].origin.ToString(), "flows.toml:13");
}

}  // namespace
}  // namespace bulkhead::vmspec
