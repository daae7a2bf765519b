// SPDX-License-Identifier: GPL-2.0-or-later
/// Who has a device: broker, hypervisor and desk agree, whatever failed and whenever hostd died.
#include "hostd/devices/device_desk.h"

#include <atomic>
#include <fstream>
#include <thread>

#include "hostd/libvirt/fake_hypervisor.h"
#include "tests/unit/hostd/fakes.h"
#include "tests/unit/hostd/temp_dir.h"

namespace bulkhead::hostd {
namespace {

using State = broker::DeviceState;

class DeviceDeskTest : public testing::Test {
 protected:
  DeviceDeskTest() {
    audit = std::move(*AuditLog::Open(dir / "audit.log"));
    broker.Add("loop0");
    broker.Add("loop1");
    for (const char* level : {"low", "high"}) CreateLevel(level);
    desk = MakeDesk();
  }
  std::unique_ptr<DeviceDesk> MakeDesk() {
    return std::make_unique<DeviceDesk>(
        &broker, &hypervisor, audit.get(),
        [this](const broker::Device& d) { changed.push_back(d.id + " " + d.level); });
  }
  void CreateLevel(const std::string& level) {
    DomainSpec spec;
    spec.level = level;
    spec.index = level == "low" ? 1 : 2;
    spec.kernel = "/k";
    spec.cmdline = "quiet pcie_ports=native";
    spec.root.path = "/r";
    spec.console_socket = "/c";
    spec.image_version = "1";
    Status made = hypervisor.CreatePaused(spec);
    ASSERT_TRUE(made) << made.error().message;
  }
  Status Attach(const std::string& level, const std::string& id) {
    MediumSpec medium;
    medium.device_id = id;
    medium.path = "/dev/" + id;
    return hypervisor.Attach(level, medium);
  }
  void Put(State state, const std::string& level) {
    broker.devices["loop0"].state = state;
    broker.devices["loop0"].level = level;
  }
  bool Has(const std::string& level, const std::string& id = "loop0") {
    return std::ranges::count(*hypervisor.Attached(level), id) > 0;
  }
  State StateNow() { return broker.devices["loop0"].state; }
  void ExpectTheHosts() {
    EXPECT_EQ(StateNow(), State::kHost);
    EXPECT_FALSE(Has("low"));
    EXPECT_FALSE(Has("high"));
  }
  std::string Audit() const { return Slurp(dir / "audit.log"); }
  void BreakAudit() { std::ofstream(dir / "audit.log", std::ios::app) << "planted\n"; }

  TempDir dir;
  std::unique_ptr<AuditLog> audit;
  FakeBroker broker;
  FakeHypervisor hypervisor;
  std::vector<std::string> changed;
  std::unique_ptr<DeviceDesk> desk;
};

TEST_F(DeviceDeskTest, ALentDeviceIsTheLevelsAndOnRecord) {
  ASSERT_TRUE(desk->Lend("uid:0", "loop0", "low", false));
  EXPECT_EQ(StateNow(), State::kInUse);
  EXPECT_TRUE(Has("low"));
  EXPECT_FALSE(hypervisor.Domains().at("low").writable_media.contains("loop0"));
  EXPECT_EQ(changed, std::vector<std::string>{"loop0 low"});
  EXPECT_NE(Audit().find("device.lend"), std::string::npos);
  ASSERT_TRUE(desk->TakeBack("uid:0", "loop0"));
  ExpectTheHosts();
}

TEST_F(DeviceDeskTest, CannotLendWhatTheRulesDeny) {
  broker.refused.insert("low");
  Status lent = desk->Lend("uid:0", "loop0", "low", false);
  EXPECT_EQ(lent.error().code, ErrorCode::kRefused);
  ExpectTheHosts();
  EXPECT_NE(Audit().find("refused"), std::string::npos);
}

TEST_F(DeviceDeskTest, CannotLendWithoutARecord) {
  BreakAudit();
  EXPECT_EQ(desk->Lend("uid:0", "loop0", "low", false).error().code, ErrorCode::kCorrupt);
  for (const auto& call : hypervisor.Calls()) EXPECT_EQ(call.find("Attach "), call.npos) << "I7";
  ExpectTheHosts();
}

TEST_F(DeviceDeskTest, AnAttachThatFailedIsUndone) {
  hypervisor.FailNext("Attach", "low", {ErrorCode::kIo, "QEMU says no", 0});
  EXPECT_EQ(desk->Lend("uid:0", "loop0", "low", false).error().message, "QEMU says no");
  ExpectTheHosts();
}

TEST_F(DeviceDeskTest, ALevelThatEndedMeanwhileGetsNothing) {
  hypervisor.End("low", DomainEvent::Kind::kStopped, "shutdown");
  EXPECT_EQ(desk->Lend("uid:0", "loop0", "low", false).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(StateNow(), State::kHost);
}

TEST_F(DeviceDeskTest, AConfirmationThatFailedTakesItOutOfTheGuestAgain) {
  broker.fail_confirm = true;
  EXPECT_FALSE(desk->Lend("uid:0", "loop0", "low", false));
  ExpectTheHosts();
}

TEST_F(DeviceDeskTest, AnUndoThatFailedTellsBothFaults) {
  hypervisor.FailNext("Attach", "low", {ErrorCode::kIo, "QEMU says no", 0});
  hypervisor.FailNext("Detach", "low", {ErrorCode::kUnavailable, "libvirtd is gone", 0});
  Status lent = desk->Lend("uid:0", "loop0", "low", false);
  EXPECT_EQ(lent.error().code, ErrorCode::kIo) << "what went wrong first";
  EXPECT_NE(lent.error().message.find("QEMU says no"), std::string::npos);
  EXPECT_NE(lent.error().message.find("libvirtd is gone"), std::string::npos);
  EXPECT_NE(lent.error().message.find("bulkhead device take-back loop0"), std::string::npos);
  EXPECT_EQ(StateNow(), State::kBound) << "nobody else gets it while the guest may have it";
  EXPECT_TRUE(desk->TakeBack("uid:0", "loop0")) << "the way out that the sentence names";
  ExpectTheHosts();
}

TEST_F(DeviceDeskTest, AnUndoThatFailedIsDoneByReconcile) {
  hypervisor.FailNext("Attach", "low", {ErrorCode::kIo, "QEMU says no", 0});
  hypervisor.FailNext("Detach", "low", {ErrorCode::kUnavailable, "libvirtd is gone", 0});
  ASSERT_FALSE(desk->Lend("uid:0", "loop0", "low", false));
  ASSERT_TRUE(desk->Reconcile({"low", "high"}));
  ExpectTheHosts();
}

TEST_F(DeviceDeskTest, AStubbornGuestKeepsItDraining) {
  ASSERT_TRUE(desk->Lend("uid:0", "loop0", "low", false));
  hypervisor.MakeStubborn("low");
  Status taken = desk->TakeBack("uid:0", "loop0");
  EXPECT_EQ(taken.error().code, ErrorCode::kTimeout);
  EXPECT_NE(taken.error().message.find("stop the level"), std::string::npos);
  EXPECT_EQ(StateNow(), State::kDraining);
  EXPECT_EQ(desk->Lend("uid:0", "loop0", "high", false).error().code, ErrorCode::kBusy);
  hypervisor.End("low", DomainEvent::Kind::kStopped, "destroyed");
  ASSERT_TRUE(desk->LevelGone("low"));
  EXPECT_EQ(StateNow(), State::kHost);
  EXPECT_TRUE(desk->Lend("uid:0", "loop0", "high", false));
}

TEST_F(DeviceDeskTest, CannotTakeBackWhatNobodyHas) {
  EXPECT_EQ(desk->TakeBack("uid:0", "loop0").error().code, ErrorCode::kConflict);
  EXPECT_EQ(desk->TakeBack("uid:0", "loop9").error().code, ErrorCode::kNotFound);
}

TEST_F(DeviceDeskTest, WhatAStoppedLevelHadIsTheHosts) {
  ASSERT_TRUE(desk->Reconcile({"low", "high"}));
  ASSERT_TRUE(desk->Lend("uid:0", "loop0", "low", false));
  ASSERT_TRUE(desk->Lend("uid:0", "loop1", "high", true));
  hypervisor.End("low", DomainEvent::Kind::kCrashed, "crashed");
  ASSERT_TRUE(desk->LevelGone("low"));
  EXPECT_EQ(StateNow(), State::kHost);
  EXPECT_EQ(broker.devices["loop1"].level, "high") << "another level's is left alone";
  EXPECT_NE(Audit().find("the level has stopped"), std::string::npos);
}

TEST_F(DeviceDeskTest, ALevelWithoutDevicesStopsThoughTheBrokerIsAway) {
  ASSERT_TRUE(desk->Reconcile({"low"}));
  broker.works = false;
  EXPECT_TRUE(desk->LevelGone("low"));
}

TEST_F(DeviceDeskTest, KilledBeforeTheAttachTheDeviceIsTheHostsAgain) {
  Put(State::kBound, "low");
  ASSERT_TRUE(desk->Reconcile({"low", "high"}));
  ExpectTheHosts();
  EXPECT_NE(Audit().find("device.take-back"), std::string::npos) << "I7";
}

TEST_F(DeviceDeskTest, KilledBeforeTheConfirmationTheLevelHasIt) {
  Put(State::kBound, "low");
  ASSERT_TRUE(Attach("low", "loop0"));
  ASSERT_TRUE(desk->Reconcile({"low", "high"}));
  EXPECT_EQ(StateNow(), State::kInUse);
  EXPECT_TRUE(Has("low"));
}

TEST_F(DeviceDeskTest, KilledWhileTakingBackItIsTakenBack) {
  Put(State::kDraining, "low");
  ASSERT_TRUE(Attach("low", "loop0"));
  ASSERT_TRUE(desk->Reconcile({"low", "high"}));
  ExpectTheHosts();
}

TEST_F(DeviceDeskTest, KilledBetweenDetachAndReleaseItIsReleased) {
  Put(State::kDraining, "low");
  ASSERT_TRUE(desk->Reconcile({"low", "high"}));
  ExpectTheHosts();
}

TEST_F(DeviceDeskTest, ALevelThatVanishedMeanwhileHasNothing) {
  Put(State::kInUse, "gone");
  ASSERT_TRUE(desk->Reconcile({"low", "high"}));
  EXPECT_EQ(StateNow(), State::kHost);
}

TEST_F(DeviceDeskTest, ALevelThatStartedAfterTheListingKeepsItsDevice) {
  ASSERT_TRUE(desk->Lend("uid:0", "loop0", "low", false));
  ASSERT_TRUE(desk->Reconcile({"high"})) << "the list of levels is older than low";
  EXPECT_EQ(StateNow(), State::kInUse);
  EXPECT_TRUE(Has("low"));
}

TEST_F(DeviceDeskTest, CannotKeepWhatTheBrokerNeverGranted) {
  ASSERT_TRUE(Attach("low", "loop0"));
  ASSERT_TRUE(desk->Reconcile({"low", "high"}));
  ExpectTheHosts();
}

TEST_F(DeviceDeskTest, OneStubbornGuestDoesNotKeepTheOthersFromBeingSettled) {
  Put(State::kDraining, "low");
  ASSERT_TRUE(Attach("low", "loop0"));
  hypervisor.MakeStubborn("low");
  broker.devices["loop1"].state = State::kBound;
  broker.devices["loop1"].level = "high";
  ASSERT_TRUE(Attach("high", "loop1"));
  EXPECT_EQ(desk->Reconcile({"low", "high"}).error().code, ErrorCode::kTimeout);
  EXPECT_EQ(broker.devices["loop1"].state, State::kInUse);
}

TEST_F(DeviceDeskTest, CannotLendOneDeviceToTwoLevelsAtOnce) {
  for (int round = 0; round < 50; ++round) {
    std::atomic<int> won = 0;
    auto lend = [&](const char* level) {
      Status lent = desk->Lend("uid:0", "loop0", level, false);
      if (lent) ++won;
      EXPECT_TRUE(lent || lent.error().code == ErrorCode::kBusy) << lent.error().message;
    };
    std::thread one(lend, "low");
    std::thread two(lend, "high");
    one.join();
    two.join();
    ASSERT_EQ(won, 1);
    ASSERT_NE(Has("low"), Has("high")) << "I2";
    ASSERT_TRUE(desk->TakeBack("uid:0", "loop0"));
  }
}

}  // namespace
}  // namespace bulkhead::hostd
