// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/super/request_server.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

#include "vmspec/base/identity.h"
#include "vmspec/base/socket.h"

namespace bulkhead::super {

namespace {
using Clock = std::chrono::steady_clock;
constexpr std::size_t kMaxConnections = 8;
constexpr std::chrono::seconds kLongest{5};
}  // namespace

struct RequestServer::Connection {
  explicit Connection(UniqueFd socket) : fd(std::move(socket)) {}
  UniqueFd fd;
  FrameReader reader{kMaxPayload};
  FrameQueue out{kMaxPayload + kFrameHeaderBytes};
  bool answered = false;
  Clock::time_point until = Clock::now() + kLongest;
};

Result<std::unique_ptr<RequestServer>> RequestServer::Create(EventLoop* loop,
                                                             const std::string& path,
                                                             Answerer answer) {
  auto listener = ListenUnix(path, 0600);
  if (!listener) return Propagate(listener);
  // The kernel keeps others from connecting; SO_PEERCRED below says it again.
  if (::lchown(path.c_str(), kUidHostd, kUidHostd) != 0) return FailErrno("chown " + path);
  std::unique_ptr<RequestServer> server(
      new RequestServer(loop, std::move(*listener), path, std::move(answer)));
  auto* raw = server.get();
  auto s = loop->Watch(server->listener_.get(), EPOLLIN, [raw](std::uint32_t) { raw->Accept(); });
  if (!s) return Propagate(s);
  return server;
}

RequestServer::RequestServer(EventLoop* loop, UniqueFd listener, std::string path, Answerer answer)
    : loop_(loop),
      listener_(std::move(listener)),
      path_(std::move(path)),
      answer_(std::move(answer)) {}

RequestServer::~RequestServer() {
  while (!connections_.empty()) End(connections_.begin()->first);
  loop_->Forget(listener_.get());
  ::unlink(path_.c_str());
}

void RequestServer::Accept() {
  auto socket = AcceptUnix(listener_.get());
  if (!socket || !*socket) return;
  int fd = socket->get();
  // Closed at once when there are too many: a client tries again.
  if (connections_.size() >= kMaxConnections || ::fcntl(fd, F_SETFL, O_NONBLOCK) != 0) return;
  auto& c =
      *connections_.emplace(fd, std::make_unique<Connection>(std::move(*socket))).first->second;
  auto peer = PeerOf(fd);
  if (!peer || (peer->uid != 0 && peer->uid != kUidHostd)) {
    Reply(c, ToFailed({ErrorCode::kPermission, "only root and bulkhead-hostd may ask", 0}));
  }
  if (!loop_->Watch(fd, EPOLLIN | (c.answered ? EPOLLOUT : 0U),
                    [this, fd](std::uint32_t events) { Handle(fd, events); })) {
    connections_.erase(fd);
  }
}

void RequestServer::Handle(int fd, std::uint32_t events) {
  auto it = connections_.find(fd);
  if (it == connections_.end()) return;
  Connection& c = *it->second;
  if (!c.answered) {
    if (auto s = Read(c); !s) {
      // A client that hung up hears nothing, one that talks nonsense hears so.
      if (s.error().code == ErrorCode::kUnavailable) return End(fd);
      Reply(c, ToFailed(s.error()));
    }
  } else if ((events & (EPOLLHUP | EPOLLERR)) != 0) {
    return End(fd);
  }
  if (!c.answered) return;
  if (!c.out.Flush(fd) || c.out.empty()) return End(fd);
  (void)loop_->Watch(fd, EPOLLOUT, [this, fd](std::uint32_t e) { Handle(fd, e); });
}

/// Takes in what is there; answers when the request is whole.
Status RequestServer::Read(Connection& c) {
  std::array<std::uint8_t, 65536> buffer;
  ssize_t n = ::recv(c.fd.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return {};
  if (n <= 0) return Fail(ErrorCode::kUnavailable, "the client closed the connection");
  ByteView in(buffer.data(), static_cast<std::size_t>(n));
  auto taken = c.reader.Feed(in);
  if (!taken) return Propagate(taken);
  auto frame = c.reader.Next();
  if (!frame) return {};
  if (*taken != in.size()) return Fail(ErrorCode::kCorrupt, "one request a connection");
  auto request = DecodeRequest(*frame);
  if (!request) return Propagate(request);
  Reply(c, answer_(*request));
  return {};
}

void RequestServer::Reply(Connection& c, const Answer& answer) {
  c.answered = true;
  (void)c.out.Push(Encode(answer));
}

void RequestServer::EndSlowOnes() {
  auto now = Clock::now();
  for (auto it = connections_.begin(); it != connections_.end();) {
    int fd = it->first;
    bool slow = it->second->until < now;
    ++it;
    if (slow) End(fd);
  }
}

void RequestServer::End(int fd) {
  loop_->Forget(fd);
  connections_.erase(fd);
}

}  // namespace bulkhead::super
