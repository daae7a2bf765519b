// SPDX-License-Identifier: GPL-2.0-or-later
/// The messages of all channels as bytes: docs/protocols/frames.md, control.md, report.md,
/// diode.md.
#include <gtest/gtest.h>

#include "tests/unit/base/wire_samples.h"
#include "vmspec/base/sha256.h"

namespace bulkhead {
namespace {

Frame FrameOf(const Bytes& wire) {
  FrameReader reader(transfer::kMaxPayload);
  EXPECT_EQ(wire.size(), reader.Feed(wire).value_or(0));
  auto frame = reader.Next();
  EXPECT_TRUE(frame);
  return frame.value_or(Frame{});
}

TEST(Messages, HaveTheBytesTheyHadInVersionOne) {
  for (const WireSample& sample : WireSamples()) {
    EXPECT_EQ(sample.hex, Hex(sample.frame)) << sample.name;
  }
}

TEST(Messages, SurviveTheirRoundTrip) {
  for (const WireSample& sample : WireSamples()) {
    auto again = sample.again(FrameOf(sample.frame));
    ASSERT_TRUE(again) << sample.name << ": " << again.error().message;
    EXPECT_EQ(sample.frame, *again) << sample.name;
  }
}

TEST(Messages, CannotBeCutShortAtAnyByte) {
  for (const WireSample& sample : WireSamples()) {
    Frame whole = FrameOf(sample.frame);
    for (std::size_t n = 0; n < whole.payload.size(); ++n) {
      auto payload = ByteView(whole.payload).first(n);
      auto again = sample.again({whole.type, {payload.begin(), payload.end()}});
      ASSERT_FALSE(again) << sample.name << " with only " << n << " bytes";
      EXPECT_EQ(ErrorCode::kCorrupt, again.error().code);
    }
  }
}

TEST(Messages, CannotCarryAByteTooMany) {
  for (const WireSample& sample : WireSamples()) {
    Frame longer = FrameOf(sample.frame);
    longer.payload.push_back(0);
    EXPECT_FALSE(sample.again(longer)) << sample.name;
  }
}

TEST(Messages, CannotHaveTheTypeOfAnotherChannel) {
  auto samples = WireSamples();
  for (const WireSample& sample : samples) {
    Frame frame = FrameOf(sample.frame);
    for (std::uint16_t type : {0, 8, 100, 106, 199, 205, 300, 302, 314, 0x7fff, 0xffff}) {
      EXPECT_FALSE(sample.again({type, frame.payload})) << sample.name << " as " << type;
    }
  }
  EXPECT_FALSE(control::DecodeGuest(FrameOf(control::Encode(control::HostMessage{}))));
  EXPECT_FALSE(control::DecodeHost(FrameOf(control::Encode(control::GuestMessage{}))));
  EXPECT_FALSE(report::DecodeToHostd(FrameOf(report::Encode(report::FromHostd{}))));
  EXPECT_FALSE(transfer::Decode(FrameOf(control::Encode(control::GuestMessage{}))));
}

/// Whatever four bytes become a huge length or count: an answer, not a crash or a huge allocation.
TEST(Messages, CannotBeMadeToReadPastTheirEnd) {
  for (const WireSample& sample : WireSamples()) {
    Frame frame = FrameOf(sample.frame);
    for (std::size_t at = 0; at + 4 <= frame.payload.size(); ++at) {
      for (std::uint8_t fill : {0xff, 0x7f, 0x10}) {
        Frame hostile = frame;
        std::fill_n(hostile.payload.begin() + static_cast<std::ptrdiff_t>(at), 4, fill);
        auto again = sample.again(hostile);
        // What is taken is taken whole.
        if (again) {
          EXPECT_EQ(hostile.payload, FrameOf(*again).payload) << sample.name << "@" << at;
        }
      }
    }
  }
}

Frame Payload(std::uint16_t type, Writer& w) { return {type, w.Take()}; }

TEST(Messages, CannotHaveMoreElementsThanTheProtocolAllows) {
  auto run_of = [](std::uint32_t count) {
    Writer w;
    w.U32(1).Str("user").U32(count);
    for (std::uint32_t i = 0; i < count; ++i) w.Str("x");
    return Payload(control::Run::kType, w);
  };
  EXPECT_TRUE(control::DecodeHost(run_of(64)));
  EXPECT_FALSE(control::DecodeHost(run_of(65)));
  auto welcome_of = [](std::uint32_t flows) {
    Writer w;
    w.Str("low").U64(0).Str("").Str("").Str("").Str("").Str("").U32(flows);
    for (std::uint32_t i = 0; i < flows; ++i) w.Str("f").Str("p");
    w.U32(0);
    return Payload(control::Welcome::kType, w);
  };
  EXPECT_TRUE(control::DecodeHost(welcome_of(64)));
  EXPECT_FALSE(control::DecodeHost(welcome_of(65)));
}

TEST(Messages, CannotHaveLongerStringsThanTheProtocolAllows) {
  auto hello_of = [](std::size_t image, std::size_t version, std::size_t boot_id) {
    Writer w;
    w.U32(1).Str(std::string(image, 'a')).Str(std::string(version, 'b'));
    w.Str(std::string(boot_id, 'c'));
    return Payload(control::Hello::kType, w);
  };
  EXPECT_TRUE(control::DecodeGuest(hello_of(64, 128, 64)));
  EXPECT_FALSE(control::DecodeGuest(hello_of(65, 128, 64)));
  EXPECT_FALSE(control::DecodeGuest(hello_of(64, 129, 64)));
  EXPECT_FALSE(control::DecodeGuest(hello_of(64, 128, 65)));
  auto data_of = [](std::size_t bytes) {
    Writer w;
    w.Blob(Bytes(bytes, 1));
    return Payload(transfer::Data::kType, w);
  };
  EXPECT_TRUE(transfer::Decode(data_of(transfer::kMaxData)));
  EXPECT_FALSE(transfer::Decode(data_of(transfer::kMaxData + 1)));
}

TEST(Messages, AnEncoderNeverMakesWhatItsDecoderRefuses) {
  control::Hello hello{1, std::string(500, 'i'), std::string(500, 'v'), std::string(500, 'b')};
  EXPECT_TRUE(control::DecodeGuest(FrameOf(control::Encode(control::GuestMessage(hello)))));
  control::Welcome welcome;
  welcome.outgoing.assign(100, {"flow", "peer"});
  EXPECT_TRUE(control::DecodeHost(FrameOf(control::Encode(control::HostMessage(welcome)))));
}

TEST(Messages, CannotCarryAFlagThatIsNeitherYesNorNo) {
  Writer w;
  w.Str("up").Raw(Counting<16>()).U8(2).Str("");
  EXPECT_FALSE(control::DecodeGuest(Payload(control::Delivered::kType, w)));
}

}  // namespace
}  // namespace bulkhead
