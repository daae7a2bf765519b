// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/base/frame.h"

#include <gtest/gtest.h>

#include "vmspec/base/control_messages.h"
#include "vmspec/base/transfer_messages.h"

namespace bulkhead {
namespace {

Bytes Payload(std::string_view s) { return {s.begin(), s.end()}; }

TEST(Frame, SurvivesArrivalOneByteAtATime) {
  Bytes wire = EncodeFrame(7, Payload("hello"));
  FrameReader reader(64);
  for (std::size_t i = 0; i < wire.size(); ++i) {
    EXPECT_FALSE(reader.Next());
    ASSERT_EQ(1u, reader.Feed(ByteView(wire).subspan(i, 1)).value());
  }
  auto frame = reader.Next();
  ASSERT_TRUE(frame);
  EXPECT_EQ(7, frame->type);
  EXPECT_EQ(Payload("hello"), frame->payload);
}

TEST(Frame, WantsWhatItsHeaderAndThenItsPayloadStillNeed) {
  Bytes wire = EncodeFrame(7, Payload("hello"));
  FrameReader reader(64);
  EXPECT_EQ(kFrameHeaderBytes, reader.wanted());
  ASSERT_TRUE(reader.Feed(ByteView(wire).first(10)));
  EXPECT_EQ(6u, reader.wanted());
  ASSERT_TRUE(reader.Feed(ByteView(wire).subspan(10, 6)));
  EXPECT_EQ(5u, reader.wanted());
  ASSERT_TRUE(reader.Feed(ByteView(wire).subspan(16)));
  EXPECT_EQ(0u, reader.wanted());
  reader.Next();
  EXPECT_EQ(kFrameHeaderBytes, reader.wanted());
}

TEST(Frame, CannotDeclareFourGibibytes) {
  auto header = EncodeFrameHeader(7, 0xFFFFFFFF);
  FrameReader reader(65536);
  auto r = reader.Feed(header);
  ASSERT_FALSE(r);
  EXPECT_EQ(ErrorCode::kCorrupt, r.error().code);
}

TEST(Frame, ResyncSkipsGarbageUpToTheMark) {
  Bytes wire = Payload("garbage BKH1 and a torn frame");
  Bytes mark = EncodeFrame(200, Payload("m"));
  Bytes next = EncodeFrame(201, Payload("n"));
  wire.insert(wire.end(), mark.begin(), mark.end());
  wire.insert(wire.end(), next.begin(), next.end());
  FrameReader reader(64, 200);
  ByteView rest = wire;
  std::vector<std::uint16_t> types;
  while (!rest.empty()) {
    auto n = reader.Feed(rest);
    ASSERT_TRUE(n);
    rest = rest.subspan(*n);
    if (auto f = reader.Next()) types.push_back(f->type);
  }
  EXPECT_EQ((std::vector<std::uint16_t>{200, 201}), types);
  EXPECT_EQ(29u, reader.skipped_bytes());
}

TEST(ControlMessages, RoundTrip) {
  control::Welcome w;
  w.level = "low";
  w.outgoing = {{"up", "high"}};
  FrameReader reader(control::kControlMaxPayload);
  ASSERT_TRUE(reader.Feed(control::Encode(control::HostMessage(w))));
  auto back = control::DecodeHost(*reader.Next());
  ASSERT_TRUE(back);
  EXPECT_EQ("high", std::get<control::Welcome>(*back).outgoing.at(0).peer);
}

TEST(ControlMessages, CannotCarryTrailingBytes) {
  Frame frame{control::Ready::kType, {0}};
  EXPECT_FALSE(control::DecodeGuest(frame));
}

}  // namespace
}  // namespace bulkhead
