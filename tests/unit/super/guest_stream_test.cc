// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/agentd/guest_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "vmspec/base/sanitize.h"

namespace bulkhead::agentd {
namespace {

using control::GuestMessage;
using ::testing::HasSubstr;

const TimePoint kStart{std::chrono::hours(1)};

Bytes HelloBytes(std::uint32_t protocol = control::kProtocolVersion) {
  return control::Encode(GuestMessage(control::Hello{protocol, "minimal", "v1", "boot-1"}));
}
Bytes ReadyBytes() { return control::Encode(GuestMessage(control::Ready{})); }

/// A stream at one moment, with what came out of it.
struct Harness {
  GuestStream stream{kStart};
  std::vector<GuestMessage> out;
  TimePoint now = kStart;
  Status Feed(ByteView bytes) { return stream.Feed(bytes, now, out); }
};

TEST(GuestStream, GivesMessagesInOrderAndRemembersHelloAndReady) {
  Harness h;
  ASSERT_TRUE(h.Feed(HelloBytes()));
  EXPECT_FALSE(h.stream.ready());
  ASSERT_TRUE(h.Feed(ReadyBytes()));
  ASSERT_EQ(2u, h.out.size());
  EXPECT_EQ("minimal", std::get<control::Hello>(h.out[0]).image);
  EXPECT_EQ("boot-1", h.stream.hello()->boot_id);
  EXPECT_TRUE(h.stream.ready());
}

TEST(GuestStream, NewHelloIsANewAgentThatIsNotReady) {
  Harness h;
  ASSERT_TRUE(h.Feed(HelloBytes()));
  ASSERT_TRUE(h.Feed(ReadyBytes()));
  ASSERT_TRUE(h.Feed(HelloBytes()));
  EXPECT_FALSE(h.stream.ready());
}

TEST(GuestStream, BeginsAtTheHelloWhenItStartsInMidFrame) {
  Harness h;
  Bytes torn = control::Encode(GuestMessage(control::RunOutput{1, 1, Bytes(500, 'x')}));
  ASSERT_TRUE(h.Feed(ByteView(torn).subspan(100)));
  ASSERT_TRUE(h.Feed(ReadyBytes()));  // of a life before: not for us
  ASSERT_TRUE(h.Feed(HelloBytes()));
  ASSERT_TRUE(h.Feed(ReadyBytes()));
  EXPECT_EQ(2u, h.out.size());
}

TEST(GuestStream, TakesMessagesThatArriveByteByByte) {
  Harness h;
  for (std::uint8_t b : HelloBytes()) ASSERT_TRUE(h.Feed({&b, 1}));
  EXPECT_EQ(1u, h.out.size());
}

TEST(GuestStream, CannotDeclareFourGibibytes) {
  Harness h;
  ASSERT_TRUE(h.Feed(HelloBytes()));
  auto header = EncodeFrameHeader(control::Health::kType, 0xFFFFFFFF);
  auto s = h.Feed(header);
  ASSERT_FALSE(s);
  EXPECT_THAT(s.error().message, HasSubstr("declares more than 65536 bytes"));
}

TEST(GuestStream, CannotGoOutOfStepOnceItIsInStep) {
  Harness h;
  ASSERT_TRUE(h.Feed(HelloBytes()));
  EXPECT_FALSE(h.Feed(Bytes(16, 'x')));
}

TEST(GuestStream, CannotTalkNonsenseForEver) {
  Harness h;
  Bytes junk(65536, 'x');
  Status s;
  int rounds = 0;
  while (s && rounds < 100) s = h.Feed(junk), ++rounds;
  ASSERT_FALSE(s);
  EXPECT_EQ(17, rounds);
  EXPECT_THAT(s.error().message, HasSubstr("no hello"));
}

TEST(GuestStream, CannotSpeakForTheHost) {
  Harness h;
  ASSERT_TRUE(h.Feed(HelloBytes()));
  EXPECT_FALSE(h.Feed(control::Encode(control::HostMessage(control::Shutdown{}))));
}

TEST(GuestStream, CannotUseAnotherProtocolVersion) {
  Harness h;
  auto s = h.Feed(HelloBytes(7));
  ASSERT_FALSE(s);
  EXPECT_THAT(s.error().message, HasSubstr("version 7"));
}

TEST(GuestStream, CannotNameAStreamThatIsNone) {
  Harness h;
  ASSERT_TRUE(h.Feed(HelloBytes()));
  EXPECT_FALSE(h.Feed(control::Encode(GuestMessage(control::RunOutput{1, 3, {}}))));
}

TEST(GuestStream, CannotFloodHostdWithMessages) {
  Harness h;
  ASSERT_TRUE(h.Feed(HelloBytes()));
  Status s;
  int sent = 0;
  while (s && sent < 10'000) s = h.Feed(ReadyBytes()), ++sent;
  ASSERT_FALSE(s);
  EXPECT_EQ(ErrorCode::kLimit, s.error().code);
  EXPECT_EQ(static_cast<int>(kMessageBurst), sent);
}

TEST(GuestStream, AgentThatBehavesNeverMeetsTheLimit) {
  Harness h;
  ASSERT_TRUE(h.Feed(HelloBytes()));
  for (int i = 0; i < 2000; ++i) {
    h.now += std::chrono::milliseconds(10);
    ASSERT_TRUE(h.Feed(ReadyBytes())) << i;
  }
}

TEST(GuestStream, MuchRunOutputIsReadLaterNotRefused) {
  Harness h;
  ASSERT_TRUE(h.Feed(HelloBytes()));
  Bytes page = control::Encode(GuestMessage(control::RunOutput{1, 1, Bytes(32768, 'x')}));
  for (int i = 0; i < 255; ++i) ASSERT_TRUE(h.Feed(page));
  EXPECT_EQ(0, h.stream.PauseFor(h.now).count()) << "a burst of 8 MiB is free";
  for (int i = 0; i < 256; ++i) ASSERT_TRUE(h.Feed(page));
  auto pause = h.stream.PauseFor(h.now);
  EXPECT_NEAR(1000, static_cast<double>(pause.count()), 20);
  EXPECT_EQ(0, h.stream.PauseFor(h.now + pause).count());
}

TEST(GuestStream, CannotPutControlCharactersIntoAnyString) {
  Harness h;
  std::string evil = "a\x1b[2Jb\xe2\x80\xae\n";
  std::array<std::uint8_t, 16> id{};
  ASSERT_TRUE(h.Feed(control::Encode(GuestMessage(control::Hello{1, evil, evil, evil}))));
  ASSERT_TRUE(h.Feed(control::Encode(GuestMessage(control::Delivered{evil, id, true, evil}))));
  ASSERT_TRUE(h.Feed(control::Encode(GuestMessage(control::SendRefused{evil, evil}))));
  ASSERT_EQ(3u, h.out.size());
  const auto& hello = std::get<control::Hello>(h.out[0]);
  const auto& delivered = std::get<control::Delivered>(h.out[1]);
  const auto& refused = std::get<control::SendRefused>(h.out[2]);
  for (const std::string& text : {hello.image, hello.version, hello.boot_id, delivered.flow,
                                  delivered.reason, refused.to, refused.name}) {
    EXPECT_THAT(text, ::testing::StartsWith("a\\x1B[2Jb")) << text;
    EXPECT_EQ(std::string::npos, text.find_first_of("\x1b\n")) << text;
  }
}

TEST(Sanitise, ResultStillFitsItsField) {
  GuestMessage m = control::SendRefused{std::string(64, '\x01'), std::string(255, '\\')};
  Sanitise(m);
  const auto& r = std::get<control::SendRefused>(m);
  EXPECT_LE(r.to.size(), 64u);
  EXPECT_LE(r.name.size(), 255u);
  EXPECT_THAT(r.name, ::testing::EndsWith("\\..."));
}

TEST(Sanitise, LeavesPlainTextOfFullLengthAlone) {
  std::string full(64, 'x');
  GuestMessage m = control::Hello{1, full, "", ""};
  Sanitise(m);
  EXPECT_EQ(full, std::get<control::Hello>(m).image);
}

}  // namespace
}  // namespace bulkhead::agentd
