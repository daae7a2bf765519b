// SPDX-License-Identifier: GPL-2.0-or-later
/// The broker over devices in memory and a folder on the disk.
#include "device-broker/broker.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include "device-broker/fake_device_source.h"
#include "tests/unit/broker/sample_policy.h"
#include "tests/unit/broker/scratch_folder.h"

namespace bulkhead::broker {
namespace {

class BrokerTest : public ::testing::Test {
 protected:
  BrokerTest() {
    Start();
    source_->Insert(SampleMedium("loop0"));
    source_->Insert(SampleMedium("loop1", 8));
    EXPECT_TRUE(broker_->SetPolicy(PolicyOf(SampleSpec())));
  }

  /// A new broker in the old one's place, as after kill -9: what the old one held is closed.
  void Start() {
    auto source = std::make_unique<FakeDeviceSource>();
    if (source_ != nullptr) *source = std::move(*source_);
    source_ = source.get();
    broker_.reset();
    broker_ = std::make_unique<Broker>(std::move(source), Store(folder_.path()));
  }
  void Restart() { Start(); }

  Device Get(const std::string& id) {
    auto devices = broker_->List().value();
    for (const Device& device : devices) {
      if (device.id == id) return device;
    }
    return {};
  }
  template <typename R>
  void ExpectError(const R& result, ErrorCode code, const std::string& word) {
    ASSERT_FALSE(result);
    EXPECT_EQ(code, result.error().code) << result.error().message;
    EXPECT_NE(std::string::npos, result.error().message.find(word)) << result.error().message;
  }

  ScratchFolder folder_;
  FakeDeviceSource* source_ = nullptr;
  std::unique_ptr<Broker> broker_;
};

TEST_F(BrokerTest, S14LendsAndTakesBack) {
  auto lease = broker_->Lend("loop0", "high", false);
  ASSERT_TRUE(lease) << lease.error().message;
  EXPECT_EQ(O_RDONLY, ::fcntl(lease->fd.get(), F_GETFL) & O_ACCMODE);
  EXPECT_EQ(DeviceState::kBound, lease->device.state);
  ASSERT_TRUE(broker_->ConfirmAttached("loop0", "high"));
  EXPECT_EQ(DeviceState::kInUse, Get("loop0").state);
  EXPECT_EQ("high", Get("loop0").level);
  ASSERT_TRUE(broker_->BeginTakeBack("loop0"));
  EXPECT_EQ(DeviceState::kDraining, Get("loop0").state);
  lease->fd.reset();
  ASSERT_TRUE(broker_->Released("loop0"));
  EXPECT_EQ(DeviceState::kHost, Get("loop0").state);
  EXPECT_EQ("", Get("loop0").level);
  EXPECT_TRUE(broker_->Lend("loop0", "mid", true));
}

TEST_F(BrokerTest, GivesAWritableDescriptorOnlyWhereItIsGranted) {
  auto lease = broker_->Lend("loop0", "mid", true);
  ASSERT_TRUE(lease);
  EXPECT_EQ(O_RDWR, ::fcntl(lease->fd.get(), F_GETFL) & O_ACCMODE);
  EXPECT_TRUE(Get("loop0").writable);
  ExpectError(broker_->Lend("loop1", "high", true), ErrorCode::kRefused, "levels/high.toml:12");
  EXPECT_EQ(DeviceState::kHost, Get("loop1").state);
}

TEST_F(BrokerTest, I2RefusesASecondLevelAndNamesTheFirst) {
  auto lease = broker_->Lend("loop0", "high", false);
  ExpectError(broker_->Lend("loop0", "mid", false), ErrorCode::kBusy, "high");
  ASSERT_TRUE(broker_->BeginTakeBack("loop0"));
  ExpectError(broker_->Lend("loop0", "mid", false), ErrorCode::kBusy, "high");
  ExpectError(broker_->Lend("loop0", "high", false), ErrorCode::kBusy, "taken back");
}

TEST_F(BrokerTest, I2RefusesTheSameMediumThroughASecondDevice) {
  auto lease = broker_->Lend("loop0", "high", false);
  Medium twin = SampleMedium("loop5", 9);
  twin.identity.backing_file = SampleMedium("loop0").identity.backing_file;
  source_->Insert(twin);
  ExpectError(broker_->Lend("loop5", "mid", false), ErrorCode::kBusy, "high");
}

TEST_F(BrokerTest, NamesTheRuleThatRefuses) {
  ExpectError(broker_->Lend("loop0", "low", false), ErrorCode::kRefused, "devices.toml:4");
  ExpectError(broker_->Lend("loop0", "none", false), ErrorCode::kRefused, "levels/none.toml");
  ExpectError(broker_->Lend("loop0", "absent", false), ErrorCode::kRefused, "absent");
}

TEST_F(BrokerTest, RefusesWhatItDoesNotKnow) {
  ExpectError(broker_->Lend("loop9", "high", false), ErrorCode::kNotFound, "loop9");
  ExpectError(broker_->BeginTakeBack("loop9"), ErrorCode::kConflict, "nobody");
  ExpectError(broker_->ConfirmAttached("loop0", "high"), ErrorCode::kConflict, "the host's");
}

TEST_F(BrokerTest, RefusesWhatTheHostUses) {
  Medium mounted = SampleMedium("loop0");
  mounted.host_use = "mounted on /mnt";
  source_->Insert(mounted);
  ExpectError(broker_->Lend("loop0", "high", false), ErrorCode::kBusy, "mounted on /mnt");
  EXPECT_EQ("the host uses it: mounted on /mnt", Get("loop0").note);
}

TEST_F(BrokerTest, RefusesWhatSomebodyClaimedUnseen) {
  auto claim = source_->Claim(SampleMedium("loop0"), false);
  ExpectError(broker_->Lend("loop0", "high", false), ErrorCode::kBusy, "open");
  EXPECT_EQ(DeviceState::kHost, Get("loop0").state);
}

TEST_F(BrokerTest, RefusesEverythingBeforeASpecIsApplied) {
  ScratchFolder fresh;
  auto source = std::make_unique<FakeDeviceSource>();
  source->Insert(SampleMedium("loop0"));
  Broker broker(std::move(source), Store(fresh.path()));
  ExpectError(broker.Lend("loop0", "high", false), ErrorCode::kRefused, "no spec");
}

TEST_F(BrokerTest, HandsTheDescriptorAgainWhileBound) {
  auto first = broker_->Lend("loop0", "high", false);
  auto again = broker_->Lend("loop0", "high", false);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(DeviceState::kBound, again->device.state);
  ExpectError(broker_->Lend("loop0", "high", true), ErrorCode::kConflict, "reading only");
  ASSERT_TRUE(broker_->ConfirmAttached("loop0", "high"));
  ASSERT_TRUE(broker_->ConfirmAttached("loop0", "high"));
  ExpectError(broker_->Lend("loop0", "high", false), ErrorCode::kExists, "attached");
}

TEST_F(BrokerTest, JudgesAgainWhenItHandsTheDescriptorAgain) {
  auto first = broker_->Lend("loop0", "high", false);
  Policy policy = PolicyOf(SampleSpec());
  policy.rules.push_back(DeviceRuleOf(true, "high", 50));
  ASSERT_TRUE(broker_->SetPolicy(policy));
  ExpectError(broker_->Lend("loop0", "high", false), ErrorCode::kRefused, "devices.toml:50");
  EXPECT_EQ("high", Get("loop0").level);
  EXPECT_NE(std::string::npos, Get("loop0").note.find("devices.toml:50")) << Get("loop0").note;
  EXPECT_TRUE(Get("loop0").disallowed);
}

TEST_F(BrokerTest, I2KeepsADeviceUntilNobodyHasItOpen) {
  auto lease = broker_->Lend("loop0", "high", false);
  ASSERT_TRUE(broker_->ConfirmAttached("loop0", "high"));
  ExpectError(broker_->Released("loop0"), ErrorCode::kBusy, "high");
  EXPECT_EQ(DeviceState::kDraining, Get("loop0").state);
  ExpectError(broker_->Lend("loop0", "mid", false), ErrorCode::kBusy, "high");
  lease->fd.reset();
  ASSERT_TRUE(broker_->Released("loop0"));
  ASSERT_TRUE(broker_->Released("loop0"));
  EXPECT_EQ(DeviceState::kHost, Get("loop0").state);
}

TEST_F(BrokerTest, X4ShowsThatALentMediumWasPulledAndLendsItToNobody) {
  {
    auto lease = broker_->Lend("loop0", "high", false);
  }
  source_->Remove("loop0");
  EXPECT_EQ("the medium was removed or replaced while lent", Get("loop0").note);
  ExpectError(broker_->Lend("loop0", "high", false), ErrorCode::kConflict, "removed or replaced");
  source_->Insert(SampleMedium("loop0", 99));
  EXPECT_EQ("the medium was removed or replaced while lent", Get("loop0").note);
  ExpectError(broker_->Lend("loop0", "high", false), ErrorCode::kConflict, "removed or replaced");
  ExpectError(broker_->Lend("loop0", "mid", false), ErrorCode::kBusy, "high");
  ASSERT_TRUE(broker_->Released("loop0"));
  EXPECT_TRUE(broker_->Lend("loop0", "mid", false));
}

TEST_F(BrokerTest, I2RemembersAcrossAKill) {
  auto bound = broker_->Lend("loop0", "high", false);
  auto used = broker_->Lend("loop1", "mid", true);
  ASSERT_TRUE(broker_->ConfirmAttached("loop1", "mid"));
  Restart();
  EXPECT_EQ(DeviceState::kBound, Get("loop0").state);
  EXPECT_EQ(DeviceState::kInUse, Get("loop1").state);
  EXPECT_TRUE(Get("loop1").writable);
  // By the same rules, though nobody told it again.
  ExpectError(broker_->Lend("loop0", "mid", false), ErrorCode::kBusy, "high");
  ExpectError(broker_->Lend("loop0", "low", false), ErrorCode::kBusy, "high");
  // The caller still has it open: the claim is there, not here.
  ExpectError(broker_->Lend("loop0", "high", false), ErrorCode::kBusy, "open");
  bound->fd.reset();
  EXPECT_TRUE(broker_->Lend("loop0", "high", false));
  ASSERT_TRUE(broker_->BeginTakeBack("loop1"));
  Restart();
  EXPECT_EQ(DeviceState::kDraining, Get("loop1").state);
  used->fd.reset();
  ASSERT_TRUE(broker_->Released("loop1"));
  Restart();
  EXPECT_EQ(DeviceState::kHost, Get("loop1").state);
}

TEST_F(BrokerTest, ClaimsAgainAfterAKillWhatNobodyHasOpen) {
  {
    auto lease = broker_->Lend("loop0", "high", false);
  }
  Restart();
  EXPECT_FALSE(source_->Claim(SampleMedium("loop0"), false));
  EXPECT_TRUE(broker_->Lend("loop0", "high", false));
}

TEST_F(BrokerTest, ClaimsAgainWhenTheOneWhoHeldItThroughTheKillIsGone) {
  auto lease = broker_->Lend("loop0", "high", false);
  Restart();
  lease->fd.reset();
  EXPECT_EQ(DeviceState::kBound, Get("loop0").state);
  EXPECT_FALSE(source_->Claim(SampleMedium("loop0"), false));
}

TEST_F(BrokerTest, CannotBeMadeToForgetByADamagedState) {
  {
    auto lease = broker_->Lend("loop0", "high", false);
  }
  std::string good = folder_.Read("lent");
  ASSERT_FALSE(good.empty());
  for (std::size_t at = 0; at < good.size(); at += 7) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x10);
    folder_.Write("lent", bad);
    Restart();
    ASSERT_FALSE(broker_->condition()) << at;
    ExpectError(broker_->Lend("loop1", "high", false), ErrorCode::kCorrupt, "lent is damaged");
    ExpectError(broker_->List(), ErrorCode::kCorrupt, "remove that file");
    EXPECT_FALSE(broker_->Released("loop0"));
    EXPECT_EQ(bad, folder_.Read("lent")) << "the evidence was overwritten";
  }
  for (const std::string& bad : {std::string(), good.substr(0, good.size() - 1), good + "x"}) {
    folder_.Write("lent", bad);
    Restart();
    ExpectError(broker_->Lend("loop1", "high", false), ErrorCode::kCorrupt, "damaged");
  }
  folder_.Write("lent", good);
  Restart();
  EXPECT_EQ("high", Get("loop0").level);
}

TEST_F(BrokerTest, CannotLendByADamagedPolicy) {
  folder_.Write("policy", folder_.Read("policy") + "x");
  Restart();
  ExpectError(broker_->Lend("loop0", "high", false), ErrorCode::kRefused, "no spec");
  ASSERT_TRUE(broker_->SetPolicy(PolicyOf(SampleSpec())));
  EXPECT_TRUE(broker_->Lend("loop0", "high", false));
}

TEST_F(BrokerTest, LendsNothingThatItCannotRemember) {
  std::filesystem::create_directory(folder_.path() + "/lent.new");
  auto lease = broker_->Lend("loop0", "high", false);
  ASSERT_FALSE(lease);
  EXPECT_EQ(DeviceState::kHost, Get("loop0").state);
  EXPECT_TRUE(source_->Claim(SampleMedium("loop0"), false)) << "the claim stayed";
  std::filesystem::remove(folder_.path() + "/lent.new");
  EXPECT_TRUE(broker_->Lend("loop0", "high", false));
}

TEST_F(BrokerTest, CannotBeAskedWithAPath) {
  for (const char* id : {"../loop0", "/dev/loop0", "loop0/../loop1", "", "."}) {
    ExpectError(broker_->Lend(id, "high", false), ErrorCode::kInvalid, "id");
    EXPECT_FALSE(broker_->BeginTakeBack(id));
  }
  ExpectError(broker_->Lend("loop0", "../high", false), ErrorCode::kInvalid, "name");
  ExpectError(broker_->ConfirmAttached("loop0", "*"), ErrorCode::kInvalid, "name");
}

TEST_F(BrokerTest, CannotConfirmForAnotherLevel) {
  auto lease = broker_->Lend("loop0", "high", false);
  ExpectError(broker_->ConfirmAttached("loop0", "mid"), ErrorCode::kConflict, "high");
  ASSERT_TRUE(broker_->BeginTakeBack("loop0"));
  ExpectError(broker_->ConfirmAttached("loop0", "high"), ErrorCode::kConflict, "draining");
}

TEST(Store, KeepsALedgerAsItIs) {
  ScratchFolder folder;
  Store store(folder.path());
  Ledger ledger;
  Medium odd = SampleMedium();
  odd.title = "tricky\\x1B\\\\name";
  ASSERT_TRUE(ledger.Authorise(odd, "high", true));
  ASSERT_TRUE(ledger.Apply("loop0", Event::kBind));
  ASSERT_TRUE(store.SaveLedger(ledger));
  auto back = store.LoadLedger();
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(ledger.grants(), back->grants());
}

TEST(Store, CannotHaveADeviceTwice) {
  Ledger ledger;
  ASSERT_TRUE(ledger.Authorise(SampleMedium(), "high", false));
  ASSERT_TRUE(ledger.Apply("loop0", Event::kBind));
  Bytes one = EncodeLedger(ledger);
  Bytes two = one;
  two[0] = 2;
  two.insert(two.end(), one.begin() + 4, one.end());
  EXPECT_TRUE(DecodeLedger(one));
  EXPECT_FALSE(DecodeLedger(two));
}

}  // namespace
}  // namespace bulkhead::broker
