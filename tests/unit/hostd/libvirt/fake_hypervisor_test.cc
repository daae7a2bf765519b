// SPDX-License-Identifier: GPL-2.0-or-later
/// The fake keeps the interface's promises, so that tests which stand on it prove something.
#include "hostd/libvirt/fake_hypervisor.h"

#include <gtest/gtest.h>

namespace bulkhead::hostd {
namespace {

using Kind = DomainEvent::Kind;

DomainSpec Low() {
  DomainSpec s;
  s.level = "low";
  s.index = 1;
  s.kernel = "/k";
  s.root.path = "/r";
  s.console_socket = "/c";
  s.hotplug_ports = 1;
  return s;
}

MediumSpec Medium(const std::string& id) { return {id, "/dev/" + id, {}, false, 0}; }

TEST(FakeHypervisor, StartsPausedAndRunsWhenTold) {
  FakeHypervisor h;
  std::vector<Kind> events;
  h.SetOnEvent([&](const DomainEvent& e) { events.push_back(e.kind); });
  ASSERT_TRUE(h.CreatePaused(Low()));
  EXPECT_EQ(h.List()->ours.at(0).state, DomainState::kPaused);
  ASSERT_TRUE(h.Resume("low"));
  ASSERT_TRUE(h.Resume("low"));
  EXPECT_EQ(h.List()->ours.at(0).state, DomainState::kRunning);
  EXPECT_EQ(h.CreatePaused(Low()).error().code, ErrorCode::kExists);
  ASSERT_TRUE(h.Destroy("low"));
  ASSERT_TRUE(h.Destroy("low"));
  EXPECT_EQ(h.Resume("low").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(events, (std::vector{Kind::kStarted, Kind::kResumed, Kind::kStopped}));
}

TEST(FakeHypervisor, LendsAsManyMediaAsThereArePorts) {
  FakeHypervisor h;
  ASSERT_TRUE(h.CreatePaused(Low()));
  ASSERT_TRUE(h.Attach("low", Medium("loop0")));
  EXPECT_EQ(h.Attach("low", Medium("loop0")).error().code, ErrorCode::kExists);
  EXPECT_EQ(h.Attach("low", Medium("loop1")).error().code, ErrorCode::kLimit);
  h.MakeStubborn("low");
  EXPECT_EQ(h.Detach("low", "loop0").error().code, ErrorCode::kTimeout);
  EXPECT_EQ(*h.Attached("low"), std::vector<std::string>{"loop0"});
  EXPECT_TRUE(h.Detach("low", "loop1"));
  EXPECT_TRUE(h.Detach("gone", "loop0"));
}

TEST(FakeHypervisor, CannotTouchForeignDomains) {
  FakeHypervisor h;
  h.AddForeign("low");
  EXPECT_EQ(h.CreatePaused(Low()).error().code, ErrorCode::kExists);
  EXPECT_EQ(h.Destroy("low").error().code, ErrorCode::kExists);
  EXPECT_EQ(h.List()->foreign.at(0).name, "bulkhead-low");
}

TEST(FakeHypervisor, FailsOnceWhereAskedAndWhileDisconnected) {
  FakeHypervisor h;
  h.FailNext("CreatePaused", "low", {ErrorCode::kOutcomeUnknown, "late"});
  EXPECT_EQ(h.CreatePaused(Low()).error().code, ErrorCode::kOutcomeUnknown);
  EXPECT_TRUE(h.CreatePaused(Low()));
  h.SetConnected(false);
  EXPECT_EQ(h.List().error().code, ErrorCode::kUnavailable);
  h.SetConnected(true);
  EXPECT_EQ(h.List()->ours.size(), 1u);
}

}  // namespace
}  // namespace bulkhead::hostd
