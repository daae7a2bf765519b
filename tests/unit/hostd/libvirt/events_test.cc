// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/libvirt/events.h"

#include <gtest/gtest.h>

namespace bulkhead::hostd {
namespace {

using Kind = DomainEvent::Kind;

TEST(LifecycleEvent, TellsAnEndFromACrash) {
  struct Row {
    int event, detail;
    Kind kind;
    const char* reason;
  };
  constexpr Row kRows[] = {
      {VIR_DOMAIN_EVENT_STARTED, VIR_DOMAIN_EVENT_STARTED_BOOTED, Kind::kStarted, "started"},
      {VIR_DOMAIN_EVENT_SUSPENDED, VIR_DOMAIN_EVENT_SUSPENDED_PAUSED, Kind::kPaused, "asked"},
      {VIR_DOMAIN_EVENT_SUSPENDED, VIR_DOMAIN_EVENT_SUSPENDED_IOERROR, Kind::kPaused, "disk error"},
      {VIR_DOMAIN_EVENT_RESUMED, VIR_DOMAIN_EVENT_RESUMED_UNPAUSED, Kind::kResumed, "asked"},
      {VIR_DOMAIN_EVENT_STOPPED, VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN, Kind::kStopped, "shutdown"},
      {VIR_DOMAIN_EVENT_STOPPED, VIR_DOMAIN_EVENT_STOPPED_DESTROYED, Kind::kStopped, "destroyed"},
      {VIR_DOMAIN_EVENT_STOPPED, VIR_DOMAIN_EVENT_STOPPED_CRASHED, Kind::kCrashed, "crashed"},
      {VIR_DOMAIN_EVENT_STOPPED, VIR_DOMAIN_EVENT_STOPPED_FAILED, Kind::kCrashed, "failed"},
  };
  for (const Row& row : kRows) {
    auto event = LifecycleEvent("low", row.event, row.detail);
    ASSERT_TRUE(event) << row.reason;
    EXPECT_EQ(event->kind, row.kind) << row.reason;
    EXPECT_EQ(event->reason, row.reason);
    EXPECT_EQ(event->level, "low");
  }
}

TEST(LifecycleEvent, LeavesDefinitionsOut) {
  EXPECT_FALSE(LifecycleEvent("low", VIR_DOMAIN_EVENT_DEFINED, 0));
  EXPECT_FALSE(LifecycleEvent("low", VIR_DOMAIN_EVENT_UNDEFINED, 0));
}

TEST(EventSink, GoesQuietWithoutAHandler) {
  auto sink = std::make_shared<EventSink>();
  int count = 0;
  sink->SetHandler([&](const DomainEvent&) { ++count; });
  sink->Emit({Kind::kConnectionLost, {}, {}, {}});
  sink->SetHandler(nullptr);
  sink->Emit({Kind::kConnectionLost, {}, {}, {}});
  EXPECT_EQ(count, 1);
}

}  // namespace
}  // namespace bulkhead::hostd
