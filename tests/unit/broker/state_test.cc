// SPDX-License-Identifier: GPL-2.0-or-later
#include "device-broker/state.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/unit/broker/sample_policy.h"

namespace bulkhead::broker {
namespace {

constexpr DeviceState kStates[] = {DeviceState::kHost,     DeviceState::kAuthorising,
                                   DeviceState::kBound,    DeviceState::kInUse,
                                   DeviceState::kDraining, DeviceState::kReset};
constexpr Event kEvents[] = {Event::kAuthorise, Event::kAbandon, Event::kBind, Event::kAttach,
                             Event::kTakeBack,  Event::kLetGo,   Event::kClean};

TEST(DeviceStates, GoRoundOnceAndBackToTheHost) {
  Ledger ledger;
  ASSERT_TRUE(ledger.Authorise(SampleMedium(), "high", false));
  EXPECT_EQ(DeviceState::kAuthorising, ledger.Find("loop0")->state);
  for (auto [event, state] : {std::pair(Event::kBind, DeviceState::kBound),
                              std::pair(Event::kAttach, DeviceState::kInUse),
                              std::pair(Event::kTakeBack, DeviceState::kDraining),
                              std::pair(Event::kLetGo, DeviceState::kReset)}) {
    ASSERT_TRUE(ledger.Apply("loop0", event));
    EXPECT_EQ(state, ledger.Find("loop0")->state);
  }
  ASSERT_TRUE(ledger.Apply("loop0", Event::kClean));
  EXPECT_EQ(nullptr, ledger.Find("loop0"));
}

/// The whole table: what is not legal is refused.
TEST(DeviceStates, RefuseEveryOtherTransition) {
  using S = DeviceState;
  const std::set<std::tuple<S, Event, S>> legal = {
      {S::kHost, Event::kAuthorise, S::kAuthorising}, {S::kAuthorising, Event::kAbandon, S::kHost},
      {S::kAuthorising, Event::kBind, S::kBound},     {S::kBound, Event::kAttach, S::kInUse},
      {S::kBound, Event::kTakeBack, S::kDraining},    {S::kInUse, Event::kTakeBack, S::kDraining},
      {S::kDraining, Event::kLetGo, S::kReset},       {S::kReset, Event::kClean, S::kHost},
  };
  std::size_t found = 0;
  for (S state : kStates) {
    for (Event event : kEvents) {
      auto next = After(state, event);
      if (!next) continue;
      ++found;
      EXPECT_TRUE(legal.contains({state, event, *next}))
          << DeviceStateName(state) << " " << EventName(event);
    }
  }
  EXPECT_EQ(legal.size(), found);
}

TEST(DeviceStates, StayWhatTheyWereAfterAnIllegalEvent) {
  Ledger ledger;
  ASSERT_TRUE(ledger.Authorise(SampleMedium(), "high", false));
  ASSERT_TRUE(ledger.Apply("loop0", Event::kBind));
  Status refused = ledger.Apply("loop0", Event::kLetGo);
  ASSERT_FALSE(refused);
  EXPECT_EQ(ErrorCode::kConflict, refused.error().code);
  EXPECT_EQ("cannot let go loop0: its state is bound", refused.error().message);
  EXPECT_EQ(DeviceState::kBound, ledger.Find("loop0")->state);
  EXPECT_FALSE(ledger.Apply("loop1", Event::kBind));
  EXPECT_FALSE(ledger.Apply("loop1", Event::kAuthorise));
}

TEST(Ledger, I2CannotHaveOneDeviceInTwoLevels) {
  Ledger ledger;
  ASSERT_TRUE(ledger.Authorise(SampleMedium(), "high", false));
  for (Event event : {Event::kBind, Event::kAttach, Event::kTakeBack, Event::kLetGo}) {
    for (const char* level : {"mid", "high"}) {
      Status refused = ledger.Authorise(SampleMedium(), level, false);
      ASSERT_FALSE(refused);
      EXPECT_EQ(ErrorCode::kBusy, refused.error().code);
      EXPECT_NE(std::string::npos, refused.error().message.find("high"));
    }
    ASSERT_TRUE(ledger.Apply("loop0", event));
  }
}

TEST(Ledger, HasABound) {
  Ledger ledger;
  for (std::size_t i = 0; i < kMaxGrants; ++i) {
    ASSERT_TRUE(ledger.Authorise(SampleMedium("loop" + std::to_string(i)), "high", false));
  }
  Status refused = ledger.Authorise(SampleMedium("loop9999"), "high", false);
  ASSERT_FALSE(refused);
  EXPECT_EQ(ErrorCode::kLimit, refused.error().code);
}

TEST(Ledger, RestoresWhatALevelMayHaveAndUndoesHalfSteps) {
  for (DeviceState state : kStates) {
    Ledger ledger;
    Grant grant;
    grant.level = "high";
    grant.state = state;
    ledger.Restore("loop0", grant);
    bool kept = state == DeviceState::kBound || state == DeviceState::kInUse ||
                state == DeviceState::kDraining;
    EXPECT_EQ(kept, ledger.Find("loop0") != nullptr) << DeviceStateName(state);
  }
}

TEST(MediumIdentity, TellsAReplacedMediumFromTheSame) {
  MediumIdentity lent = SampleMedium().identity;
  MediumIdentity now = lent;
  EXPECT_TRUE(lent.IsSameMedium(now));
  now.diskseq = 8;
  EXPECT_FALSE(lent.IsSameMedium(now));
  // A kernel that counts media once counts them always.
  now.diskseq = 0;
  EXPECT_FALSE(lent.IsSameMedium(now));
  lent.diskseq = 0;
  EXPECT_TRUE(lent.IsSameMedium(now));
  now.backing_file = "/media/other.img";
  EXPECT_FALSE(lent.IsSameMedium(now));
  now = lent;
  now.size_bytes *= 2;
  EXPECT_FALSE(lent.IsSameMedium(now));
  now = lent;
  now.minor = 1;
  EXPECT_FALSE(lent.IsSameMedium(now));
}

TEST(DeviceId, CannotBeAPath) {
  for (const char* id : {"", "..", ".", "../loop0", "loop0/../sda", "/dev/loop0", "-loop", "LOOP0",
                         "loop 0", "loop\n", "l\xc3\xb6op"}) {
    EXPECT_FALSE(IsDeviceId(id)) << id;
  }
  EXPECT_FALSE(IsDeviceId(std::string("loop\0x", 6)));
  EXPECT_FALSE(IsDeviceId(std::string(65, 'a')));
  EXPECT_TRUE(IsDeviceId("loop0"));
  EXPECT_TRUE(IsDeviceId("usb-1-4.2-4c53_a"));
}

}  // namespace
}  // namespace bulkhead::broker
