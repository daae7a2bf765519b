// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/base/socket.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "vmspec/base/identity.h"

namespace bulkhead {
namespace {

using namespace std::chrono_literals;
using Steady = std::chrono::steady_clock;

constexpr std::uint32_t kMaxPayload = 1 << 20;

class SocketTest : public testing::Test {
 protected:
  void SetUp() override {
    char folder[] = "/tmp/bulkhead-socket-XXXXXX";
    ASSERT_NE(nullptr, ::mkdtemp(folder));
    folder_ = folder;
    path_ = folder_ + "/s";
    int fds[2];
    ASSERT_EQ(0, ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
    ours_ = std::make_unique<FrameSocket>(UniqueFd(fds[0]), kMaxPayload);
    theirs_ = std::make_unique<FrameSocket>(UniqueFd(fds[1]), kMaxPayload);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string folder_, path_;
  std::unique_ptr<FrameSocket> ours_, theirs_;
};

std::size_t OpenDescriptors() {
  std::size_t n = 0;
  for ([[maybe_unused]] const auto& e : std::filesystem::directory_iterator("/proc/self/fd")) ++n;
  return n;
}

/// A file of one letter, open for reading.
UniqueFd FileWith(char letter) {
  UniqueFd fd(::open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  EXPECT_EQ(1, ::write(fd.get(), &letter, 1));
  return fd;
}
char LetterIn(const UniqueFd& fd) {
  char letter = '?';
  return ::pread(fd.get(), &letter, 1, 0) == 1 ? letter : '?';
}

/// As a hostile peer does: any number of descriptors, which our own sender would refuse.
void SendRaw(int fd, ByteView bytes, const std::vector<int>& fds) {
  std::vector<char> control(CMSG_SPACE(sizeof(int) * fds.size()));
  iovec iov{const_cast<std::uint8_t*>(bytes.data()), bytes.size()};
  msghdr msg{};
  msg.msg_iov = &iov;
  msg.msg_iovlen = 1;
  msg.msg_control = control.data();
  msg.msg_controllen = control.size();
  cmsghdr* c = CMSG_FIRSTHDR(&msg);
  c->cmsg_level = SOL_SOCKET;
  c->cmsg_type = SCM_RIGHTS;
  c->cmsg_len = CMSG_LEN(sizeof(int) * fds.size());
  std::copy(fds.begin(), fds.end(), reinterpret_cast<int*>(CMSG_DATA(c)));
  ASSERT_EQ(static_cast<ssize_t>(bytes.size()), ::sendmsg(fd, &msg, MSG_NOSIGNAL));
}

TEST_F(SocketTest, CarriesFramesInOrder) {
  ASSERT_TRUE(ours_->Send(1, Bytes{1, 2, 3}, 1s));
  ASSERT_TRUE(ours_->Send(2, {}, 1s));
  auto first = theirs_->Receive(1s);
  ASSERT_TRUE(first);
  EXPECT_EQ(1, first->frame.type);
  EXPECT_EQ((Bytes{1, 2, 3}), first->frame.payload);
  EXPECT_EQ(2, theirs_->Receive(1s)->frame.type);
}

TEST_F(SocketTest, CarriesFramesLargerThanItsBuffers) {
  Bytes big(kMaxPayload);
  for (std::size_t i = 0; i < big.size(); ++i) big[i] = static_cast<std::uint8_t>(i % 253);
  std::thread sender([&] { EXPECT_TRUE(ours_->Send(9, big, 10s)); });
  auto got = theirs_->Receive(10s);
  sender.join();
  ASSERT_TRUE(got);
  EXPECT_TRUE(big == got->frame.payload);
}

TEST_F(SocketTest, HandsDescriptorsOverWithTheirFrame) {
  UniqueFd a = FileWith('a'), b = FileWith('b');
  ASSERT_TRUE(ours_->Send(1, Bytes{1}, 1s, {a.get(), b.get()}));
  auto got = theirs_->Receive(1s);
  ASSERT_TRUE(got);
  ASSERT_EQ(2U, got->fds.size());
  EXPECT_EQ('a', LetterIn(got->fds[0]));
  EXPECT_EQ('b', LetterIn(got->fds[1]));
  EXPECT_EQ(FD_CLOEXEC, ::fcntl(got->fds[0].get(), F_GETFD)) << "no child inherits it";
}

// The kernel may give the bytes of both in one read.
TEST_F(SocketTest, DoesNotGiveAFrameTheDescriptorsOfTheNext) {
  UniqueFd a = FileWith('a'), b = FileWith('b');
  ASSERT_TRUE(ours_->Send(1, Bytes{1}, 1s));
  ASSERT_TRUE(ours_->Send(2, Bytes{2}, 1s, {a.get()}));
  ASSERT_TRUE(ours_->Send(3, {}, 1s, {b.get()}));
  auto first = theirs_->Receive(1s), second = theirs_->Receive(1s), third = theirs_->Receive(1s);
  ASSERT_TRUE(first && second && third);
  EXPECT_EQ(0U, first->fds.size());
  ASSERT_EQ(1U, second->fds.size());
  EXPECT_EQ('a', LetterIn(second->fds[0]));
  ASSERT_EQ(1U, third->fds.size());
  EXPECT_EQ('b', LetterIn(third->fds[0]));
}

TEST_F(SocketTest, CannotBeSentMoreThanFourDescriptors) {
  UniqueFd file = FileWith('x');
  EXPECT_FALSE(ours_->Send(1, Bytes{1}, 1s, std::vector<int>(5, file.get())));
  std::size_t before = OpenDescriptors();
  SendRaw(ours_->fd(), EncodeFrame(1, Bytes{1}), std::vector<int>(5, file.get()));
  auto got = theirs_->Receive(1s);
  ASSERT_FALSE(got);
  EXPECT_EQ(ErrorCode::kCorrupt, got.error().code);
  theirs_.reset();
  EXPECT_EQ(before - 1, OpenDescriptors()) << "none of them stays open";
}

TEST_F(SocketTest, CannotBeSentFourDescriptorsOverAndOverInOneFrame) {
  UniqueFd file = FileWith('x');
  Bytes wire = EncodeFrame(1, Bytes(8, 1));
  std::size_t before = OpenDescriptors();
  for (std::size_t i = 0; i < 3; ++i) {
    SendRaw(ours_->fd(), ByteView(wire).subspan(i, 1), std::vector<int>(4, file.get()));
  }
  auto got = theirs_->Receive(1s);
  ASSERT_FALSE(got);
  EXPECT_EQ(ErrorCode::kCorrupt, got.error().code);
  theirs_.reset();
  EXPECT_EQ(before - 1, OpenDescriptors());
}

TEST_F(SocketTest, SaysThatThePeerIsGone) {
  ours_.reset();
  auto got = theirs_->Receive(1s);
  ASSERT_FALSE(got);
  EXPECT_EQ(ErrorCode::kUnavailable, got.error().code);
  EXPECT_EQ(ErrorCode::kUnavailable, theirs_->Send(1, Bytes{1}, 1s).error().code);
}

TEST_F(SocketTest, TakesAFrameCutShortForAPeerThatIsGone) {
  Bytes wire = EncodeFrame(1, Bytes(8, 1));
  wire.pop_back();
  ASSERT_TRUE(WriteAll(ours_->fd(), wire, 1s));
  ours_.reset();
  EXPECT_EQ(ErrorCode::kUnavailable, theirs_->Receive(1s).error().code);
}

TEST_F(SocketTest, WaitsNoLongerThanItsDeadline) {
  auto began = Steady::now();
  auto got = theirs_->Receive(60ms);
  ASSERT_FALSE(got);
  EXPECT_EQ(ErrorCode::kTimeout, got.error().code);
  EXPECT_GE(Steady::now() - began, 60ms);
  EXPECT_LT(Steady::now() - began, 10s);
}

// The deadline is for the whole frame, not for its next byte.
TEST_F(SocketTest, CannotBeHeldUpByAPeerThatDribbles) {
  Bytes wire = EncodeFrame(1, Bytes(1000, 1));
  std::atomic<bool> stop = false;
  std::thread dribble([&] {
    for (std::size_t i = 0; i < wire.size() && !stop; ++i) {
      (void)WriteAll(ours_->fd(), ByteView(wire).subspan(i, 1), 1s);
      std::this_thread::sleep_for(10ms);
    }
  });
  auto got = theirs_->Receive(150ms);
  stop = true;
  dribble.join();
  ASSERT_FALSE(got);
  EXPECT_EQ(ErrorCode::kTimeout, got.error().code);
}

TEST_F(SocketTest, CannotBeHeldUpByAPeerThatDoesNotRead) {
  auto began = Steady::now();
  Status sent;
  while (sent && Steady::now() - began < 10s) sent = ours_->Send(1, Bytes(kMaxPayload), 60ms);
  ASSERT_FALSE(sent);
  EXPECT_EQ(ErrorCode::kTimeout, sent.error().code);
}

TEST_F(SocketTest, CannotBeMadeToTakeAFrameBeyondItsBound) {
  auto header = EncodeFrameHeader(1, kMaxPayload + 1);
  ASSERT_TRUE(WriteAll(ours_->fd(), header, 1s));
  EXPECT_EQ(ErrorCode::kCorrupt, theirs_->Receive(1s).error().code);
}

TEST_F(SocketTest, TheListenerHasItsModeAndReplacesADeadOne) {
  ASSERT_TRUE(ListenUnix(path_, 0666));  // closed again at once: the socket file stays
  EXPECT_EQ(ErrorCode::kUnavailable, ConnectUnix(path_).error().code);
  auto listener = ListenUnix(path_, 0600);
  ASSERT_TRUE(listener);
  struct stat s{};
  ASSERT_EQ(0, ::stat(path_.c_str(), &s));
  EXPECT_EQ(0600U, s.st_mode & 07777);
  EXPECT_TRUE(ConnectUnix(path_));
}

TEST_F(SocketTest, NobodyListeningIsUnavailable) {
  EXPECT_EQ(ErrorCode::kUnavailable, ConnectUnix(path_).error().code);
  EXPECT_EQ(ErrorCode::kUnavailable, ConnectUnixNow(path_).error().code);
}

TEST_F(SocketTest, CannotHaveAPathThatTheKernelWouldCut) {
  std::string long_path = "/tmp/" + std::string(200, 'x');
  EXPECT_EQ(ErrorCode::kInvalid, ListenUnix(long_path, 0600).error().code);
  EXPECT_EQ(ErrorCode::kInvalid, ConnectUnix(long_path).error().code);
}

TEST_F(SocketTest, AcceptsNothingWhenNobodyWaits) {
  auto listener = ListenUnix(path_, 0600).value();
  auto nobody = AcceptUnix(listener.get());
  ASSERT_TRUE(nobody);
  EXPECT_FALSE(nobody->valid());
}

TEST_F(SocketTest, AnEventLoopNeverWaitsForAFullListener) {
  auto listener = ListenUnix(path_, 0600).value();
  std::vector<UniqueFd> waiting;
  auto began = Steady::now();
  for (int i = 0; i < 1000; ++i) {
    auto fd = ConnectUnixNow(path_);
    if (!fd) {
      EXPECT_EQ(ErrorCode::kUnavailable, fd.error().code);
      break;
    }
    waiting.push_back(std::move(*fd));
  }
  EXPECT_LT(waiting.size(), 1000U);
  EXPECT_LT(Steady::now() - began, 10s);
}

TEST_F(SocketTest, KnowsItsPeerAsTheKernelDoes) {
  auto listener = ListenUnix(path_, 0666).value();
  auto client = ConnectUnix(path_).value();
  auto server = AcceptUnix(listener.get()).value();
  auto peer = PeerOf(server.get());
  ASSERT_TRUE(peer);
  EXPECT_EQ(::getpid(), peer->pid);
  EXPECT_EQ(::geteuid(), peer->uid);
  EXPECT_FALSE(PeerOf(0));
}

TEST_F(SocketTest, CannotBeToldAnotherUserByItsPeer) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can be somebody else";
  auto listener = ListenUnix(path_, 0666).value();
  ASSERT_EQ(0, ::chmod(folder_.c_str(), 0755));
  pid_t child = ::fork();
  if (child == 0) {
    uid_t uid = AgentdUid(7);
    if (::setresgid(uid, uid, uid) != 0 || ::setresuid(uid, uid, uid) != 0) ::_exit(1);
    ::_exit(ConnectUnix(path_) ? 0 : 2);
  }
  int status = -1;
  ASSERT_EQ(child, ::waitpid(child, &status, 0));
  ASSERT_EQ(0, status);
  auto server = AcceptUnix(listener.get()).value();
  EXPECT_EQ(AgentdUid(7), PeerOf(server.get()).value().uid);
}

}  // namespace
}  // namespace bulkhead
