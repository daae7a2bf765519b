// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/level/level_machine.h"

#include <gtest/gtest.h>

namespace bulkhead::hostd {
namespace {

using Phase = LevelMachine::Phase;

Status Broken(const char* why) { return Fail(ErrorCode::kIo, why); }

/// A machine taken along the main path to running.
LevelMachine Running() {
  LevelMachine m;
  EXPECT_EQ(*m.Start(false, 10), Act::kBringUp);
  EXPECT_EQ(m.BroughtUp({}, 20), Act::kResume);
  EXPECT_EQ(m.Resumed({}, 30), Act::kNone);
  EXPECT_TRUE(m.Hello("boot-1"));
  m.Ready(40);
  EXPECT_EQ(m.status().state, LevelState::kRunning);
  return m;
}

TEST(LevelMachine, GoesFromStoppedToRunningStepByStep) {
  LevelMachine m;
  EXPECT_EQ(m.status().state, LevelState::kStopped);
  EXPECT_EQ(*m.Start(false, 10), Act::kBringUp);
  EXPECT_EQ(m.status().state, LevelState::kStarting);
  m.StepBegun("network");
  EXPECT_EQ(m.status().step, "network");
  EXPECT_EQ(m.BroughtUp({}, 20), Act::kResume);
  EXPECT_EQ(m.Resumed({}, 30), Act::kNone);
  EXPECT_EQ(m.status().step, "boot");
  EXPECT_TRUE(m.AwaitsHello());
  EXPECT_TRUE(m.Hello("boot-1"));
  EXPECT_TRUE(m.AwaitsHello()) << "a hello is not yet ready";
  m.Ready(40);
  EXPECT_EQ(m.status().state, LevelState::kRunning);
  EXPECT_EQ(m.status().since_ms, 40);
  EXPECT_EQ(m.status().boot_id, "boot-1");
}

TEST(LevelMachine, StartOfARunningLevelIsNothingToDo) {
  LevelMachine m = Running();
  EXPECT_EQ(*m.Start(false, 50), Act::kNone);
  EXPECT_EQ(m.status().since_ms, 40);
}

TEST(LevelMachine, CannotBeReadyWithoutAHello) {
  LevelMachine m;
  (void)m.Start(false, 10);
  m.Ready(20);
  EXPECT_EQ(m.status().state, LevelState::kStarting);
  EXPECT_FALSE(m.Hello("early")) << "nothing of the level runs yet";
}

TEST(LevelMachine, AFailedStepIsUndoneAndThenTold) {
  LevelMachine m;
  (void)m.Start(false, 10);
  m.StepBegun("storage");
  EXPECT_EQ(m.BroughtUp(Broken("image bad: changed"), 20), Act::kTearDown);
  EXPECT_EQ(m.status().state, LevelState::kStopping) << "not failed before it is undone";
  ASSERT_TRUE(m.Failure());
  EXPECT_EQ(m.Failure()->first, "storage");
  EXPECT_EQ(m.TornDown({}, 30), Act::kNone);
  EXPECT_EQ(m.status().state, LevelState::kFailed);
  EXPECT_EQ(m.status().step, "storage");
  EXPECT_EQ(m.status().reason, "image bad: changed");
  EXPECT_EQ(*m.Start(false, 40), Act::kBringUp) << "a failed level can be started again";
  EXPECT_EQ(m.status().reason, "");
}

TEST(LevelMachine, SilenceAfterTheStartEndsInFailedWithTheWayOut) {
  LevelMachine m;
  (void)m.Start(false, 10);
  (void)m.BroughtUp({}, 20);
  (void)m.Resumed({}, 30);
  EXPECT_EQ(m.HelloTimedOut(120, 40), Act::kTearDown);
  (void)m.TornDown({}, 50);
  EXPECT_EQ(m.status().state, LevelState::kFailed);
  EXPECT_NE(m.status().reason.find("no hello within 120 s"), std::string::npos);
  EXPECT_NE(m.status().reason.find("hello-timeout"), std::string::npos);
}

TEST(LevelMachine, ALateTimeoutOfARunningLevelIsNothing) {
  LevelMachine m = Running();
  EXPECT_EQ(m.HelloTimedOut(120, 50), Act::kNone);
  EXPECT_EQ(m.ShutdownTimedOut(50), Act::kNone);
}

TEST(LevelMachine, StopAsksTheAgentFirstAndForceDoesNot) {
  LevelMachine m = Running();
  EXPECT_EQ(m.Stop(false, 50), Act::kAskShutdown);
  EXPECT_TRUE(m.AwaitsShutdown());
  EXPECT_EQ(m.Stop(true, 60), Act::kTearDown);
  EXPECT_EQ(m.TornDown({}, 70), Act::kNone);
  EXPECT_EQ(m.status().state, LevelState::kStopped);
  LevelMachine other = Running();
  EXPECT_EQ(other.Stop(true, 50), Act::kTearDown);
}

TEST(LevelMachine, AGuestThatDoesNotShutDownIsEnded) {
  LevelMachine m = Running();
  (void)m.Stop(false, 50);
  EXPECT_EQ(m.ShutdownTimedOut(60), Act::kTearDown);
}

TEST(LevelMachine, StopDuringABringUpWaitsForItsEnd) {
  LevelMachine m;
  (void)m.Start(false, 10);
  EXPECT_EQ(m.Stop(true, 15), Act::kNone) << "a job is under way";
  EXPECT_FALSE(m.Start(false, 16)) << "and nobody may start it meanwhile";
  EXPECT_EQ(m.BroughtUp({}, 20), Act::kTearDown);
  (void)m.TornDown({}, 30);
  EXPECT_EQ(m.status().state, LevelState::kStopped);
}

TEST(LevelMachine, APausedStartStaysPausedUntilAskedAgain) {
  LevelMachine m;
  EXPECT_EQ(*m.Start(true, 10), Act::kBringUp);
  EXPECT_EQ(m.BroughtUp({}, 20), Act::kNone);
  EXPECT_EQ(m.status().step, "paused");
  EXPECT_EQ(m.status().state, LevelState::kStarting);
  EXPECT_EQ(*m.Start(true, 30), Act::kNone);
  EXPECT_EQ(*m.Start(false, 30), Act::kResume);
}

TEST(LevelMachine, ShutDownFromInsideIsStoppedNotFailed) {
  LevelMachine m = Running();
  EXPECT_EQ(m.DomainGone("shutdown", 50), Act::kTearDown);
  (void)m.TornDown({}, 60);
  EXPECT_EQ(m.status().state, LevelState::kStopped);
  EXPECT_NE(m.status().reason.find("from inside"), std::string::npos);
}

TEST(LevelMachine, OnlyALevelThatRunsIsUnheard) {
  LevelMachine m = Running();
  m.Unheard(30);
  EXPECT_EQ(m.status().state, LevelState::kRunning);
  EXPECT_NE(m.status().reason.find("30 s"), std::string::npos);
  EXPECT_EQ(m.Stop(true, 50), Act::kTearDown);
  (void)m.TornDown({}, 60);
  m.Unheard(30);
  EXPECT_EQ(m.status().reason, "");
}

TEST(LevelMachine, ACrashIsFailedWithItsReason) {
  LevelMachine m = Running();
  EXPECT_EQ(m.DomainGone("crashed", 50), Act::kTearDown);
  (void)m.TornDown({}, 60);
  EXPECT_EQ(m.status().state, LevelState::kFailed);
  EXPECT_NE(m.status().reason.find("crashed"), std::string::npos);
}

TEST(LevelMachine, ADomainThatDiesWhileItIsResumedIsNotForgotten) {
  LevelMachine m;
  (void)m.Start(false, 10);
  (void)m.BroughtUp({}, 20);
  EXPECT_EQ(m.DomainGone("crashed", 25), Act::kNone) << "the job is still under way";
  EXPECT_EQ(m.Resumed({}, 30), Act::kTearDown);
}

TEST(LevelMachine, RestartGoesThroughStoppedToANewStart) {
  LevelMachine m = Running();
  EXPECT_EQ(*m.Restart(50), Act::kAskShutdown);
  EXPECT_EQ(m.DomainGone("shutdown", 60), Act::kTearDown);
  EXPECT_EQ(m.TornDown({}, 70), Act::kBringUp);
  EXPECT_EQ(m.status().state, LevelState::kStarting);
  EXPECT_EQ(m.status().since_ms, 70);
}

TEST(LevelMachine, StopDuringARestartStopsForGood) {
  LevelMachine m = Running();
  (void)m.Restart(50);
  EXPECT_EQ(m.Stop(true, 55), Act::kTearDown);
  EXPECT_EQ(m.TornDown({}, 70), Act::kNone);
  EXPECT_EQ(m.status().state, LevelState::kStopped);
}

TEST(LevelMachine, WhatCannotBeEndedForCertainStaysFailedAndIsTriedAgain) {
  LevelMachine m = Running();
  (void)m.Stop(true, 50);
  EXPECT_EQ(m.TornDown(Broken("libvirtd does not answer"), 60), Act::kNone);
  EXPECT_EQ(m.status().state, LevelState::kFailed);
  EXPECT_FALSE(m.Start(false, 61)) << "its domain may still run";
  EXPECT_EQ(m.TryAgain(70), Act::kTearDown);
  EXPECT_EQ(m.TornDown({}, 80), Act::kNone);
  EXPECT_EQ(m.status().state, LevelState::kStopped);
}

TEST(LevelMachine, ARunningDomainOfBeforeIsAdoptedUntouched) {
  LevelMachine m;
  EXPECT_EQ(m.FoundDomain(true, true, false, 10), Act::kReattach);
  EXPECT_EQ(m.status().state, LevelState::kRunning) << "true at once, before its agent speaks";
  EXPECT_EQ(m.Resumed({}, 20), Act::kNone);
  EXPECT_EQ(m.status().state, LevelState::kRunning);
  EXPECT_TRUE(m.Hello("boot-1"));
}

TEST(LevelMachine, AHalfDoneStartOfBeforeIsFinished) {
  LevelMachine paused;
  EXPECT_EQ(paused.FoundDomain(false, false, false, 10), Act::kReattach);
  EXPECT_EQ(paused.Resumed({}, 20), Act::kNone);
  EXPECT_TRUE(paused.AwaitsHello());
  LevelMachine none;
  EXPECT_EQ(none.FoundNoDomain(false, 10), Act::kBringUp);
}

TEST(LevelMachine, ALevelThatEndedWhileHostdWasAwayIsCleanedUpAndTold) {
  LevelMachine m;
  EXPECT_EQ(m.FoundNoDomain(true, 10), Act::kTearDown);
  (void)m.TornDown({}, 20);
  EXPECT_EQ(m.status().state, LevelState::kFailed);
  EXPECT_NE(m.status().reason.find("while hostd was away"), std::string::npos);
}

TEST(LevelMachine, AnAdoptedLevelWhoseNetworkCannotBeVouchedForIsStopped) {
  LevelMachine m;
  (void)m.FoundDomain(true, true, false, 10);
  EXPECT_EQ(m.Resumed(Broken("netd: no rules"), 20), Act::kTearDown);
  (void)m.TornDown({}, 30);
  EXPECT_EQ(m.status().state, LevelState::kFailed);
  EXPECT_EQ(m.status().step, "adopt");
}

TEST(LevelMachine, IsolationStopsWhatRunsAndNothingElse) {
  LevelMachine m = Running();
  EXPECT_EQ(m.Isolate("network", "no rules", 50), Act::kTearDown);
  (void)m.TornDown({}, 60);
  EXPECT_EQ(m.status().reason, "no rules");
  EXPECT_EQ(m.Isolate("network", "again", 70), Act::kNone);
}

/// Ends by itself at `now`, is torn down and runs again.
void CrashAndComeBack(LevelMachine& m, std::int64_t now) {
  ASSERT_EQ(m.DomainGone("crashed", now), Act::kTearDown);
  ASSERT_EQ(m.TornDown({}, now + 1), Act::kBringUp);
  EXPECT_NE(std::string::npos, m.status().reason.find("it is started again"));
  (void)m.BroughtUp({}, now + 2);
  (void)m.Resumed({}, now + 3);
  ASSERT_TRUE(m.Hello("boot-2"));
  m.Ready(now + 4);
  ASSERT_EQ(m.status().state, LevelState::kRunning);
  EXPECT_EQ(m.status().reason, "");
}

TEST(LevelMachine, ACrashIsTheEndUnlessTheSpecSaysOtherwise) {
  LevelMachine m = Running();
  EXPECT_EQ(m.DomainGone("crashed", 100), Act::kTearDown);
  EXPECT_EQ(m.TornDown({}, 110), Act::kNone);
  EXPECT_EQ(m.status().state, LevelState::kFailed);
}

TEST(LevelMachine, ALevelIsStartedAgainThreeTimesInTenMinutesAndThenLeftAlone) {
  LevelMachine m = Running();
  m.SetRestartOnCrash(true);
  for (std::int64_t now : {1000, 100'000, 500'000}) CrashAndComeBack(m, now);
  EXPECT_EQ(m.DomainGone("crashed", 600'999), Act::kTearDown);
  EXPECT_EQ(m.TornDown({}, 601'000), Act::kNone);
  EXPECT_EQ(m.status().state, LevelState::kFailed);
  EXPECT_NE(std::string::npos, m.status().reason.find("3 times within 10 minutes"));
}

TEST(LevelMachine, CrashesOfLongAgoAreForgotten) {
  LevelMachine m = Running();
  m.SetRestartOnCrash(true);
  for (std::int64_t now : {1000, 100'000, 500'000, 601'000, 700'000, 1'100'000})
    CrashAndComeBack(m, now);
}

TEST(LevelMachine, AShutdownFromInsideIsNoCrash) {
  LevelMachine m = Running();
  m.SetRestartOnCrash(true);
  EXPECT_EQ(m.DomainGone("shutdown", 100), Act::kTearDown);
  EXPECT_EQ(m.TornDown({}, 110), Act::kNone);
  EXPECT_EQ(m.status().state, LevelState::kStopped);
}

TEST(LevelMachine, AFirstBootThatFailsIsNotTriedAgain) {
  LevelMachine m;
  m.SetRestartOnCrash(true);
  (void)m.Start(false, 10);
  (void)m.BroughtUp({}, 20);
  (void)m.Resumed({}, 30);
  EXPECT_EQ(m.DomainGone("crashed", 40), Act::kTearDown);
  EXPECT_EQ(m.TornDown({}, 50), Act::kNone);
  EXPECT_EQ(m.status().state, LevelState::kFailed);
}

TEST(LevelMachine, ABootAfterACrashThatFailsCountsAsOneMore) {
  LevelMachine m = Running();
  m.SetRestartOnCrash(true);
  Act act = m.DomainGone("crashed", 1000);
  for (int restarts = 0; restarts < 3; ++restarts) {
    ASSERT_EQ(act, Act::kTearDown);
    ASSERT_EQ(m.TornDown({}, 2000), Act::kBringUp) << restarts;
    (void)m.BroughtUp({}, 2001);
    (void)m.Resumed({}, 2002);
    act = restarts == 1 ? m.HelloTimedOut(120, 3000) : m.DomainGone("crashed", 3000);
  }
  EXPECT_EQ(m.TornDown({}, 4000), Act::kNone);
  EXPECT_EQ(m.status().state, LevelState::kFailed);
}

TEST(LevelMachine, CannotBeStartedAgainAgainstAPersonsWish) {
  LevelMachine m = Running();
  m.SetRestartOnCrash(true);
  EXPECT_EQ(m.DomainGone("crashed", 100), Act::kTearDown);
  (void)m.Stop(false, 105);
  EXPECT_EQ(m.TornDown({}, 110), Act::kNone);
  EXPECT_EQ(m.status().state, LevelState::kStopped);
}

TEST(LevelMachine, APersonsStartForgivesEarlierCrashes) {
  LevelMachine m = Running();
  m.SetRestartOnCrash(true);
  for (std::int64_t now : {1000, 2000, 3000}) CrashAndComeBack(m, now);
  (void)m.DomainGone("crashed", 4000);
  (void)m.TornDown({}, 4001);
  ASSERT_EQ(*m.Start(false, 5000), Act::kBringUp);
  (void)m.BroughtUp({}, 5001);
  (void)m.Resumed({}, 5002);
  (void)m.Hello("boot-3");
  m.Ready(5003);
  CrashAndComeBack(m, 6000);
}

}  // namespace
}  // namespace bulkhead::hostd
