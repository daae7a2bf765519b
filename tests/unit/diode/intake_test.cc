// SPDX-License-Identifier: GPL-2.0-or-later
/// The pure parts: scanner, intake, order of sending, list of seen ids.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

#include "diode/seen_ids.h"
#include "diode/send_order.h"
#include "diode/transfer_intake.h"
#include "tests/unit/diode/rig.h"

namespace bulkhead::diode {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Resync = FrameScanner::Resync;

/// All frames in `bytes`, given in pieces of at most `piece`.
std::vector<std::pair<std::uint16_t, Bytes>> Scan(FrameScanner& scanner, ByteView bytes,
                                                  std::size_t piece = ~0UL) {
  std::vector<std::pair<std::uint16_t, Bytes>> frames;
  while (!bytes.empty()) {
    auto want = scanner.Want();
    std::size_t n = std::min({want.size(), bytes.size(), piece});
    std::copy_n(bytes.begin(), n, want.begin());
    bytes = bytes.subspan(n);
    scanner.Filled(n);
    if (auto f = scanner.Next()) {
      frames.emplace_back(f->type, Bytes(f->payload.begin(), f->payload.end()));
    }
  }
  return frames;
}

TEST(FrameScanner, FindsTheSameFramesHoweverTheyAreCut) {
  Bytes stream = MakeFile(1, 700'000).Frames();
  FrameScanner whole(Resync::kStreamStartOrBegin);
  auto expected = Scan(whole, stream);
  ASSERT_EQ(5u, expected.size());
  for (std::size_t piece : {1, 7, 16, 4096}) {
    FrameScanner scanner(Resync::kStreamStartOrBegin);
    EXPECT_EQ(expected, Scan(scanner, stream, piece)) << piece;
  }
}

TEST(FrameScanner, NeverAsksBeyondTheFrameAtHand) {
  FrameScanner scanner(Resync::kStreamStart);
  Bytes start = Encoded(transfer::StreamStart{});
  EXPECT_EQ(kFrameHeaderBytes, scanner.Want().size());
  Bytes head(start.begin(), start.begin() + kFrameHeaderBytes);
  EXPECT_THAT(Scan(scanner, head), IsEmpty());
  EXPECT_EQ(4u, scanner.Want().size());
}

TEST(FrameScanner, SkipsGarbageAtEveryOffset) {
  for (std::size_t junk = 0; junk < 40; ++junk) {
    FrameScanner scanner(Resync::kStreamStartOrBegin);
    Bytes stream(junk, 'B');
    stream += Encoded(transfer::StreamStart{});
    EXPECT_EQ(1u, Scan(scanner, stream).size()) << junk;
    EXPECT_EQ(junk, scanner.skipped_bytes());
    EXPECT_FALSE(scanner.TakeLostStep()) << "it had none to lose";
  }
}

TEST(FrameScanner, LosesWholeFramesOnlyAndSaysSoOnce) {
  FrameScanner scanner(Resync::kStreamStart);
  Bytes stream = Encoded(transfer::StreamStart{});
  stream += Bytes(17, 'x');
  stream += Encoded(transfer::Begin{});
  stream += Encoded(transfer::StreamStart{});
  stream += Encoded(transfer::Abort{});
  auto frames = Scan(scanner, stream);
  ASSERT_EQ(3u, frames.size()) << "a Begin is no place to start on the pipe";
  EXPECT_EQ(transfer::Abort::kType, frames[2].first);
  EXPECT_TRUE(scanner.TakeLostStep());
  EXPECT_FALSE(scanner.TakeLostStep());
}

TEST(FrameScanner, CannotBeAskedForMoreThanItsBuffer) {
  FrameScanner scanner(Resync::kStreamStartOrBegin);
  Scan(scanner, Encoded(transfer::StreamStart{}));
  for (std::uint32_t length : {0xFFFFFFFFu, transfer::kMaxPayload, transfer::kMaxData + 5u}) {
    auto header = EncodeFrameHeader(transfer::Data::kType, length);
    EXPECT_THAT(Scan(scanner, header), IsEmpty());
    EXPECT_LE(scanner.Want().size(), kFrameHeaderBytes);
  }
  auto header = EncodeFrameHeader(transfer::Begin::kType, 1025);
  Scan(scanner, header);
  EXPECT_LE(scanner.Want().size(), kFrameHeaderBytes);
}

Step TakeMessage(TransferIntake& intake, const transfer::Message& message) {
  Bytes bytes = Encoded(message);
  auto type = static_cast<std::uint16_t>(bytes[4] | bytes[5] << 8);
  // Borrowed views die with `bytes`: tests look at reasons only.
  return intake.Take({type, ByteView(bytes).subspan(kFrameHeaderBytes)});
}

Status AdmitAll(const Transfer&) { return {}; }

TEST(TransferIntake, AsksForRoomOnlyForWhatPassesEverythingElse) {
  int asked = 0;
  TransferIntake intake(100, [&](const Transfer&) -> Status {
    ++asked;
    return Fail(ErrorCode::kLimit, "no room");
  });
  EXPECT_THAT(TakeMessage(intake, transfer::Begin{{}, "..", "", 1, 0}).refused,
              ::testing::SizeIs(1));
  EXPECT_THAT(TakeMessage(intake, transfer::Begin{{}, "a", "", 101, 0}).refused,
              ::testing::SizeIs(1));
  EXPECT_EQ(0, asked);
  auto step = TakeMessage(intake, transfer::Begin{{}, "a", "", 100, 0});
  EXPECT_EQ(1, asked);
  ASSERT_EQ(1u, step.refused.size());
  EXPECT_EQ("no room", step.refused[0].reason);
  EXPECT_FALSE(intake.receiving());
}

TEST(TransferIntake, ABadBeginWithinATransferRefusesBoth) {
  TransferIntake intake(100, AdmitAll);
  TakeMessage(intake, transfer::Begin{{}, "first", "", 1, 0});
  auto step = TakeMessage(intake, transfer::Begin{{}, "../x", "", 1, 0});
  ASSERT_EQ(2u, step.refused.size());
  EXPECT_EQ("first", step.refused[0].transfer.name);
  EXPECT_TRUE(step.refused[0].interrupted);
  EXPECT_FALSE(step.refused[1].interrupted);
}

TEST(TransferIntake, AnEmptyFileIsAFile) {
  TransferIntake intake(100, AdmitAll);
  EXPECT_TRUE(std::holds_alternative<Store>(
      TakeMessage(intake, transfer::Begin{{}, "a", "", 0, 0}).action));
  EXPECT_TRUE(
      std::holds_alternative<Finish>(TakeMessage(intake, transfer::End{Sha256Of({})}).action));
}

TEST(TransferIntake, SaysNothingOfBytesThatBelongToNoTransfer) {
  TransferIntake intake(100, AdmitAll);
  for (const transfer::Message& message :
       {transfer::Message(transfer::Data{{1}}), transfer::Message(transfer::End{}),
        transfer::Message(transfer::Abort{}), transfer::Message(transfer::StreamStart{})}) {
    auto step = TakeMessage(intake, message);
    EXPECT_THAT(step.refused, IsEmpty());
    EXPECT_TRUE(std::holds_alternative<std::monostate>(step.action));
  }
}

TEST(TransferIntake, CannotBeFedAnEmptyDataForEver) {
  TransferIntake intake(100, AdmitAll);
  TakeMessage(intake, transfer::Begin{{}, "a", "", 1, 0});
  EXPECT_THAT(TakeMessage(intake, transfer::Data{}).refused, ::testing::SizeIs(1));
}

TEST(SendOrder, KeepsWhatWentUntilItsRetentionAfterTheDrain) {
  SendOrder order;
  TimePoint t{};
  order.Add(1), order.Add(2);
  EXPECT_EQ(1u, order.Next());
  order.Sent(1, 100);
  EXPECT_EQ(2u, order.Next());
  order.Drained(99, t);
  EXPECT_TRUE(order.waits_for_drain());
  EXPECT_THAT(order.TakeExpired(t + 999s, kRetention), IsEmpty()) << "it is still in the pipe";
  order.Drained(100, t);
  EXPECT_FALSE(order.waits_for_drain());
  EXPECT_THAT(order.TakeExpired(t + 119s, kRetention), IsEmpty());
  EXPECT_THAT(order.TakeExpired(t + 120s, kRetention), ElementsAre(1));
  EXPECT_EQ(2u, order.Next()) << "what has not gone never expires";
}

TEST(SendOrder, ANewStreamGetsAllThatIsKeptInOrder) {
  SendOrder order;
  TimePoint t{};
  order.Add(1), order.Add(2), order.Add(3);
  order.Sent(1, 10), order.Sent(2, 20);
  order.Drained(20, t);
  order.StartOver();
  EXPECT_EQ(1u, order.Next());
  EXPECT_THAT(order.TakeExpired(t + 500s, kRetention), IsEmpty());
}

class SeenIdsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char folder[] = "/tmp/diode-seen-XXXXXX";
    ASSERT_NE(nullptr, ::mkdtemp(folder));
    path_ = folder;
    folder_.reset(::open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  void TearDown() override { std::filesystem::remove_all(path_); }
  static transfer::TransferId Id(int i) {
    transfer::TransferId id{};
    id[0] = static_cast<std::uint8_t>(i), id[1] = static_cast<std::uint8_t>(i >> 8);
    return id;
  }
  std::string path_;
  UniqueFd folder_;
};

TEST_F(SeenIdsTest, KnowsAfterARestart) {
  ASSERT_TRUE(SeenIds::Open(folder_.get(), 10)->Add(Id(1)));
  auto again = SeenIds::Open(folder_.get(), 10);
  EXPECT_TRUE(again->Contains(Id(1)));
  EXPECT_FALSE(again->Contains(Id(2)));
}

TEST_F(SeenIdsTest, KnowsTheNewestAndStaysSmall) {
  auto seen = SeenIds::Open(folder_.get(), 10);
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(seen->Add(Id(i)));
  auto again = SeenIds::Open(folder_.get(), 10);
  EXPECT_EQ(10u, again->size());
  for (int i = 90; i < 100; ++i) EXPECT_TRUE(again->Contains(Id(i)));
  EXPECT_LE(std::filesystem::file_size(path_ + "/seen"), 20u * 16);
}

TEST_F(SeenIdsTest, IgnoresATornLastEntry) {
  ASSERT_TRUE(SeenIds::Open(folder_.get(), 10)->Add(Id(1)));
  std::filesystem::resize_file(path_ + "/seen", 16 + 7);
  auto seen = SeenIds::Open(folder_.get(), 10);
  EXPECT_EQ(1u, seen->size());
  ASSERT_TRUE(seen->Add(Id(2)));
  EXPECT_TRUE(SeenIds::Open(folder_.get(), 10)->Contains(Id(2)));
}

}  // namespace
}  // namespace bulkhead::diode
