// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/base/frame_queue.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vmspec/base/unique_fd.h"

namespace bulkhead {
namespace {

struct Pair {
  UniqueFd ours, theirs;
  Pair() {
    int fds[2];
    EXPECT_EQ(0, ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
    ours.reset(fds[0]);
    theirs.reset(fds[1]);
  }
  /// What the peer can read now.
  Bytes Arrived() const {
    Bytes out(1 << 20);
    ssize_t n = ::recv(theirs.get(), out.data(), out.size(), MSG_DONTWAIT);
    out.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
    return out;
  }
};

TEST(FrameQueue, SendsInOrderAndIsEmptyThen) {
  Pair pair;
  FrameQueue queue(100);
  ASSERT_TRUE(queue.Push({1, 2}));
  ASSERT_TRUE(queue.Push({3}));
  EXPECT_EQ(3U, queue.bytes());
  ASSERT_TRUE(queue.Flush(pair.ours.get()));
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(0U, queue.bytes());
  EXPECT_EQ((Bytes{1, 2, 3}), pair.Arrived());
}

TEST(FrameQueue, CannotGrowBeyondItsBound) {
  FrameQueue queue(10);
  ASSERT_TRUE(queue.Push(Bytes(10, 1)));
  EXPECT_TRUE(queue.Push({}));
  Status more = queue.Push({1});
  ASSERT_FALSE(more);
  EXPECT_EQ(ErrorCode::kLimit, more.error().code);
  EXPECT_EQ(10U, queue.bytes());
}

TEST(FrameQueue, DoesNotWaitForAPeerThatDoesNotRead) {
  Pair pair;
  FrameQueue queue(64 << 20);
  Bytes frame(16 << 20);
  for (std::size_t i = 0; i < frame.size(); ++i) frame[i] = static_cast<std::uint8_t>(i % 251);
  ASSERT_TRUE(queue.Push(frame));
  ASSERT_TRUE(queue.Flush(pair.ours.get()));
  EXPECT_FALSE(queue.empty());
  EXPECT_EQ(frame.size(), queue.bytes()) << "the part that is out counts until the frame is out";
  Bytes all;
  while (!queue.empty()) {
    Bytes more = pair.Arrived();
    all.insert(all.end(), more.begin(), more.end());
    ASSERT_TRUE(queue.Flush(pair.ours.get()));
  }
  for (Bytes more = pair.Arrived(); !more.empty(); more = pair.Arrived()) {
    all.insert(all.end(), more.begin(), more.end());
  }
  EXPECT_TRUE(frame == all);
}

TEST(FrameQueue, GivesANewPeerTheFirstFrameFromItsBeginning) {
  Pair first;
  FrameQueue queue(64 << 20);
  ASSERT_TRUE(queue.Push(Bytes(16 << 20, 7)));
  ASSERT_TRUE(queue.Flush(first.ours.get()));
  ASSERT_FALSE(first.Arrived().empty());
  queue.Rewind();
  Pair second;
  std::size_t got = 0;
  while (!queue.empty()) {
    ASSERT_TRUE(queue.Flush(second.ours.get()));
    got += second.Arrived().size();
  }
  for (Bytes more = second.Arrived(); !more.empty(); more = second.Arrived()) got += more.size();
  EXPECT_EQ(std::size_t{16} << 20, got);
}

TEST(FrameQueue, SaysThatThePeerIsGoneAndKeepsWhatWaits) {
  Pair pair;
  FrameQueue queue(100);
  ASSERT_TRUE(queue.Push({1}));
  pair.theirs.reset();
  Status flushed = queue.Flush(pair.ours.get());
  ASSERT_FALSE(flushed);
  EXPECT_EQ(ErrorCode::kUnavailable, flushed.error().code);
  EXPECT_EQ(1U, queue.bytes());
}

TEST(FrameQueue, TakesAnotherQueueBehindItsOwnFrames) {
  Pair pair;
  FrameQueue queue(2), other(2);
  ASSERT_TRUE(queue.Push({1, 2}));
  ASSERT_TRUE(other.Push({3, 4}));
  queue.Append(std::move(other));
  EXPECT_EQ(4U, queue.bytes());
  EXPECT_FALSE(queue.Push({5})) << "beyond the bound nothing more is taken";
  ASSERT_TRUE(queue.Flush(pair.ours.get()));
  EXPECT_EQ((Bytes{1, 2, 3, 4}), pair.Arrived());
}

TEST(FrameQueue, ClearedHasNothingToSend) {
  FrameQueue queue(10);
  ASSERT_TRUE(queue.Push({1}));
  queue.Clear();
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(0U, queue.bytes());
  EXPECT_TRUE(queue.Flush(-1)) << "no call is made for nothing";
}

}  // namespace
}  // namespace bulkhead
