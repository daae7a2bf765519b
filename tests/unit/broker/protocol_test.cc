// SPDX-License-Identifier: GPL-2.0-or-later
#include <gtest/gtest.h>

#include <random>

#include "device-broker/broker_protocol.h"
#include "tests/unit/broker/sample_policy.h"
#include "vmspec/base/sha256.h"

namespace bulkhead::broker {
namespace {

Device SampleDevice() {
  Device device;
  device.id = "loop0";
  device.path = "/dev/loop0";
  device.title = "m";
  device.size_bytes = 4096;
  device.state = DeviceState::kInUse;
  device.level = "high";
  device.writable = true;
  device.note = "n";
  device.disallowed = true;
  return device;
}

Frame FrameOf(const Bytes& bytes) {
  FrameReader reader(kMaxRequestPayload);
  EXPECT_EQ(bytes.size(), reader.Feed(bytes).value_or(0));
  return reader.Next().value_or(Frame{});
}

/// Payloads as docs/protocols/broker.md says them.
TEST(BrokerProtocol, HasTheseBytes) {
  auto payload = [](const auto& message) { return Hex(FrameOf(Encode(message)).payload); };
  EXPECT_EQ("03000000010203", payload(Request(SetPolicyRequest{{1, 2, 3}})));
  EXPECT_EQ("", payload(Request(ListRequest{})));
  EXPECT_EQ(
      "050000006c6f6f7030"
      "0400000068696768"
      "01",
      payload(Request(LendRequest{"loop0", "high", true})));
  EXPECT_EQ(
      "050000006c6f6f7030"
      "0400000068696768",
      payload(Request(ConfirmAttachedRequest{"loop0", "high"})));
  EXPECT_EQ("050000006c6f6f7030", payload(Request(BeginTakeBackRequest{"loop0"})));
  EXPECT_EQ("050000006c6f6f7030", payload(Request(ReleasedRequest{"loop0"})));
  EXPECT_EQ("", payload(Answer(DoneAnswer{})));
  EXPECT_EQ("05020000006e6f", payload(Answer(FailedAnswer{5, "no"})));
  const std::string device =
      "050000006c6f6f7030"
      "0700000073746f72616765"
      "0a0000002f6465762f6c6f6f7030"
      "010000006d"
      "00000000"
      "0010000000000000"
      "03"
      "0400000068696768"
      "01"
      "010000006e"
      "01";
  EXPECT_EQ(device, payload(Answer(LentAnswer{SampleDevice()})));
  EXPECT_EQ("01000000" + device, payload(Answer(DevicesAnswer{{SampleDevice()}})));
}

TEST(BrokerProtocol, HasThesePolicyBytes) {
  vmspec::SpecSet spec;
  spec.levels["a"].Device(vmspec::DeviceClass::kStorage) = {
      .mode = vmspec::GrantMode::kManual, .write = true, .origin = {"f", 1, 2, 3}};
  spec.device_rules.push_back(DeviceRuleOf(true, "*", 4));
  spec.device_rules[0].path = "/dev/x";
  EXPECT_EQ(
      "01000000"
      "0100000061"
      "01"
      "01"
      "0100000066"
      "010000000200000003000000"
      "01000000"
      "01"
      "010000002a"
      "0700000073746f72616765"
      "060000002f6465762f78"
      "00000000"
      "00000000"
      "0c000000646576696365732e746f6d6c"
      "040000000100000001000000",
      Hex(EncodePolicy(PolicyOf(spec))));
}

TEST(BrokerProtocol, HasTheseTypes) {
  std::vector<int> types;
  for (const Request& request : {Request(SetPolicyRequest{}), Request(ListRequest{}),
                                 Request(LendRequest{}), Request(ConfirmAttachedRequest{}),
                                 Request(BeginTakeBackRequest{}), Request(ReleasedRequest{})}) {
    types.push_back(FrameOf(Encode(request)).type);
  }
  for (const Answer& answer : {Answer(DoneAnswer{}), Answer(FailedAnswer{}),
                               Answer(DevicesAnswer{}), Answer(LentAnswer{})}) {
    types.push_back(FrameOf(Encode(answer)).type);
  }
  EXPECT_EQ((std::vector{601, 602, 603, 604, 605, 606, 611, 612, 613, 614}), types);
}

TEST(BrokerProtocol, ComesBackAsItWasSent) {
  Bytes sent = Encode(Answer(DevicesAnswer{{SampleDevice(), SampleDevice()}}));
  auto back = DecodeAnswer(FrameOf(sent));
  ASSERT_TRUE(back);
  EXPECT_EQ(sent, Encode(*back));
  Bytes lend = Encode(Request(LendRequest{"loop0", "high", true}));
  auto request = DecodeRequest(FrameOf(lend));
  ASSERT_TRUE(request);
  EXPECT_EQ(lend, Encode(*request));
}

TEST(BrokerProtocol, CarriesErrorsWithTheirCode) {
  Error error = ToError(ToFailed(Error{ErrorCode::kBusy, "loop0 is lent to level high", 0}));
  EXPECT_EQ(ErrorCode::kBusy, error.code);
  EXPECT_EQ("loop0 is lent to level high", error.message);
  EXPECT_EQ(ErrorCode::kInternal, ToError(FailedAnswer{200, "x"}).code);
}

TEST(BrokerProtocol, CannotBeSentInTheOtherDirection) {
  EXPECT_FALSE(DecodeRequest(FrameOf(Encode(Answer(DoneAnswer{})))));
  EXPECT_FALSE(DecodeAnswer(FrameOf(Encode(Request(ListRequest{})))));
}

TEST(BrokerProtocol, CannotBeCutLongerOrOdd) {
  Frame frame = FrameOf(Encode(Request(LendRequest{"loop0", "high", true})));
  for (std::size_t n = 0; n < frame.payload.size(); ++n) {
    Frame cut{frame.type,
              Bytes(frame.payload.begin(), frame.payload.begin() + static_cast<std::ptrdiff_t>(n))};
    EXPECT_FALSE(DecodeRequest(cut)) << n;
  }
  Frame longer = frame;
  longer.payload.push_back(0);
  EXPECT_FALSE(DecodeRequest(longer));
  Frame odd = frame;
  odd.payload.back() = 2;
  EXPECT_FALSE(DecodeRequest(odd));
  Frame id = FrameOf(Encode(Request(BeginTakeBackRequest{std::string(64, 'a')})));
  EXPECT_TRUE(DecodeRequest(id));
  id.payload[0] = 65;
  id.payload.push_back('a');
  EXPECT_FALSE(DecodeRequest(id));
}

TEST(BrokerProtocol, CannotShowAnUnknownState) {
  Device device = SampleDevice();
  device.state = static_cast<DeviceState>(6);
  EXPECT_FALSE(DecodeAnswer(FrameOf(Encode(Answer(LentAnswer{device})))));
  EXPECT_FALSE(DecodeAnswer(FrameOf(Encode(Answer(DevicesAnswer{{device}})))));
}

TEST(BrokerProtocol, CannotMakeTheDecoderAllocateWhatIsNotThere) {
  Frame frame{SetPolicyRequest::kType, {0xff, 0xff, 0xff, 0xff}};
  EXPECT_FALSE(DecodeRequest(frame));
  EXPECT_FALSE(DecodePolicy(Bytes{0xff, 0x0f, 0, 0}));
  Frame list{DevicesAnswer::kType, {0xff, 0x07, 0, 0}};
  EXPECT_FALSE(DecodeAnswer(list));
}

TEST(BrokerProtocol, CannotBeBrokenByRandomBytes) {
  std::mt19937 random(5);
  Bytes policy = EncodePolicy(PolicyOf(SampleSpec()));
  for (int round = 0; round < 20000; ++round) {
    Bytes bytes = policy;
    for (int n = 0; n < 3; ++n) {
      bytes[random() % bytes.size()] = static_cast<std::uint8_t>(random());
    }
    auto decoded = DecodePolicy(bytes);
    if (decoded) {
      ASSERT_EQ(bytes, EncodePolicy(*decoded));
    }
  }
}

}  // namespace
}  // namespace bulkhead::broker
