// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/flows/flow_desk.h"

#include <gtest/gtest.h>

namespace bulkhead::hostd {
namespace {

using Kind = Role::Kind;
using Verdict = report::Decision::Verdict;

const Role kSend{Kind::kDiodeSend, "up"};
const Role kReceive{Kind::kDiodeReceive, "up"};

/// A desk whose audit log is a list; an entry is durable when the test says so.
class FlowDeskTest : public testing::Test {
 protected:
  FlowDeskTest()
      : desk({[this](Entry e, std::function<void()> then) {
                entries.push_back(std::move(e));
                waiting.push_back(std::move(then));
              },
              [this](const Role& r, report::FromHostd m) { sent.emplace_back(r, std::move(m)); },
              [this](const std::string& flow, const Entry&) { told.push_back(flow); },
              [this](const std::string& level) { return ready == level; },
              [this] { return now_ms; }}) {
    auto applied = std::make_shared<AppliedSpec>();
    vmspec::Flow up;
    up.name = "up";
    up.from = "low";
    up.to = "high";
    applied->spec.flows["up"] = up;
    desk.SetApplied(applied);
  }

  void MakeDurable() {
    auto calls = std::exchange(waiting, {});
    for (auto& call : calls) call();
  }
  static report::Decision Decide(Verdict verdict, std::uint64_t serial = 1) {
    report::Decision d;
    d.serial = serial;
    d.verdict = verdict;
    d.name = "report.pdf";
    d.size = 12;
    return d;
  }

  std::vector<Entry> entries;
  std::vector<std::function<void()>> waiting;
  std::vector<std::pair<Role, report::FromHostd>> sent;
  std::vector<std::string> told;
  std::string ready;
  std::int64_t now_ms = 1'000'000;
  FlowDesk desk;
};

TEST_F(FlowDeskTest, AHalfHearsRecordedOnlyOnceTheEntryIsDurable) {
  ASSERT_TRUE(desk.OnDecision(kSend, Decide(Verdict::kAccepted, 7)));
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_EQ(entries[0].action, "flow.accept");
  EXPECT_TRUE(sent.empty()) << "I7: recorded before it takes effect";
  MakeDurable();
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(std::get<report::Recorded>(sent[0].second).serial, 7U);
  EXPECT_EQ(desk.CountsOf("up").accepted, 1U);
}

TEST_F(FlowDeskTest, CannotGiveAVerdictOfTheOtherHalf) {
  EXPECT_FALSE(desk.OnDecision(kSend, Decide(Verdict::kPublished)));
  EXPECT_FALSE(desk.OnDecision(kSend, Decide(Verdict::kHandedOver)));
  EXPECT_FALSE(desk.OnDecision(kReceive, Decide(Verdict::kAccepted)));
  EXPECT_FALSE(desk.OnDecision(kReceive, Decide(static_cast<Verdict>(9))));
  EXPECT_TRUE(entries.empty());
}

TEST_F(FlowDeskTest, CannotFillTheAuditLogWithRefusals) {
  for (int i = 0; i < 5000; ++i) ASSERT_TRUE(desk.OnDecision(kSend, Decide(Verdict::kRefused)));
  EXPECT_EQ(entries.size(), static_cast<std::size_t>(RefusalBudget::kBurst));
  EXPECT_EQ(desk.CountsOf("up").refused, 5000U) << "all are counted";
  now_ms += 3000;
  ASSERT_TRUE(desk.OnDecision(kSend, Decide(Verdict::kRefused)));
  ASSERT_EQ(entries.size(), static_cast<std::size_t>(RefusalBudget::kBurst) + 1);
  EXPECT_EQ(entries.back().detail.back().first, "not-recorded-before");
  EXPECT_EQ(entries.back().detail.back().second, "4940");
}

TEST_F(FlowDeskTest, HostileNamesAreHarmlessInTheLog) {
  auto d = Decide(Verdict::kAccepted);
  d.name = "a\x1b[2J\nb";
  ASSERT_TRUE(desk.OnDecision(kSend, d));
  for (const auto& [key, value] : entries[0].detail) {
    EXPECT_EQ(value.find('\x1b'), std::string::npos);
    EXPECT_EQ(value.find('\n'), std::string::npos);
  }
}

TEST_F(FlowDeskTest, AReceivingHalfIsToldWhenItsLevelIsReadyWhicheverCameFirst) {
  desk.OnHalfUp(kReceive);
  EXPECT_TRUE(sent.empty());
  desk.OnLevelReady("high");
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_TRUE(std::holds_alternative<report::GuestReady>(sent[0].second));
  ready = "high";
  desk.OnHalfUp(kReceive);
  EXPECT_EQ(sent.size(), 2U);
  desk.OnHalfUp(kSend);
  desk.OnLevelReady("low");
  EXPECT_EQ(sent.size(), 2U) << "nothing of the receiver reaches the sending side (I3)";
}

TEST_F(FlowDeskTest, ADeliveryIsSettledAfterItIsRecorded) {
  control::Delivered d{.flow = "up", .transfer = {1, 2}, .stored = true, .reason = {}};
  ASSERT_TRUE(desk.OnDelivered("high", d));
  EXPECT_TRUE(sent.empty());
  MakeDurable();
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].first, kReceive);
  EXPECT_EQ(std::get<report::Settled>(sent[0].second).transfer, d.transfer);
}

TEST_F(FlowDeskTest, CannotSettleAFlowThatDoesNotLeadToTheLevel) {
  control::Delivered d{.flow = "up", .transfer = {}, .stored = true, .reason = {}};
  EXPECT_FALSE(desk.OnDelivered("low", d)) << "the sender must not take its receiver's place";
  d.flow = "no-such";
  EXPECT_FALSE(desk.OnDelivered("high", d));
  EXPECT_TRUE(entries.empty());
}

TEST_F(FlowDeskTest, ARefusedSendNamesBothLevels) {
  desk.OnSendRefused("high", {"low", "secret.txt"});
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_EQ(entries[0].outcome, "refused");
  EXPECT_EQ(entries[0].actor, "level:high");
  EXPECT_EQ(entries[0].detail[1].second, "no flow leads from high to low");
}

TEST_F(FlowDeskTest, ARefusedNameIsNotRecordedAsAMissingFlow) {
  desk.OnSendRefused("low", {"high", "-x"});
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_EQ(entries[0].outcome, "refused");
  EXPECT_EQ(entries[0].detail[1].second,
            "the level's agent does not send this file, by its name or its kind");
}

}  // namespace
}  // namespace bulkhead::hostd
