// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/base/socket.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <array>

namespace bulkhead {

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t kMaxFds = 4;

Result<sockaddr_un> AddressOf(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return Fail(ErrorCode::kInvalid, "socket path " + path + " is longer than 107 bytes");
  }
  path.copy(address.sun_path, path.size());
  return address;
}

/// Waits until `fd` is ready for `events` or the time is up.
Status WaitFor(int fd, short events, Clock::time_point until) {
  for (;;) {
    auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
    if (left < 0) left = 0;
    pollfd p{fd, events, 0};
    int n = ::poll(&p, 1, static_cast<int>(std::min<long long>(left, 1 << 30)));
    if (n > 0) return {};
    if (n == 0) return Fail(ErrorCode::kTimeout, "no answer in time");
    if (errno != EINTR) return FailErrno("poll");
  }
}

Result<UniqueFd> Connect(const std::string& path, int extra_flags) {
  auto address = AddressOf(path);
  if (!address) return Propagate(address);
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | extra_flags, 0));
  if (!fd) return FailErrno("socket");
  if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&*address), sizeof *address) == 0) return fd;
  int saved = errno;
  if (saved == ENOENT || saved == ECONNREFUSED) {
    return Fail(ErrorCode::kUnavailable, "nobody listens on " + path);
  }
  if (saved == EAGAIN) return Fail(ErrorCode::kUnavailable, path + " takes no connection now");
  return FailErrno("connect " + path, saved);
}

/// Owns every descriptor that came along, before anything is judged.
void TakeDescriptors(msghdr& msg, std::vector<UniqueFd>& out) {
  for (cmsghdr* c = CMSG_FIRSTHDR(&msg); c != nullptr; c = CMSG_NXTHDR(&msg, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
    std::size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
      out.emplace_back(fd);
    }
  }
}

}  // namespace

Result<UniqueFd> ListenUnix(const std::string& path, mode_t mode) {
  auto address = AddressOf(path);
  if (!address) return Propagate(address);
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return FailErrno("socket");
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return FailErrno("remove " + path);
  if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&*address), sizeof *address) != 0) {
    return FailErrno("bind " + path);
  }
  if (::chmod(path.c_str(), mode) != 0) return FailErrno("chmod " + path);
  if (::listen(fd.get(), 64) != 0) return FailErrno("listen " + path);
  return fd;
}

Result<UniqueFd> ConnectUnix(const std::string& path) { return Connect(path, 0); }
Result<UniqueFd> ConnectUnixNow(const std::string& path) { return Connect(path, SOCK_NONBLOCK); }

Result<UniqueFd> AcceptUnix(int listen_fd) {
  UniqueFd fd(::accept4(listen_fd, nullptr, nullptr, SOCK_CLOEXEC));
  if (fd) return fd;
  if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED) return UniqueFd();
  return FailErrno("accept");
}

Result<PeerCredentials> PeerOf(int fd) {
  ucred c{};
  socklen_t n = sizeof c;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &c, &n) != 0) return FailErrno("SO_PEERCRED");
  return PeerCredentials{c.pid, c.uid, c.gid};
}

Status WriteAll(int fd, ByteView bytes, std::chrono::milliseconds deadline,
                const std::vector<int>& fds) {
  auto until = Clock::now() + deadline;
  bool with_fds = !fds.empty();
  if (fds.size() > kMaxFds) return Fail(ErrorCode::kInternal, "too many descriptors in one frame");
  while (!bytes.empty()) {
    iovec iov{const_cast<std::uint8_t*>(bytes.data()), bytes.size()};
    msghdr msg{};
    msg.msg_iov = &iov;
    msg.msg_iovlen = 1;
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kMaxFds)> control{};
    if (with_fds) {
      msg.msg_control = control.data();
      msg.msg_controllen = CMSG_SPACE(sizeof(int) * fds.size());
      cmsghdr* c = CMSG_FIRSTHDR(&msg);
      c->cmsg_level = SOL_SOCKET;
      c->cmsg_type = SCM_RIGHTS;
      c->cmsg_len = CMSG_LEN(sizeof(int) * fds.size());
      std::memcpy(CMSG_DATA(c), fds.data(), sizeof(int) * fds.size());
    }
    ssize_t n = ::sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(n));
      with_fds = false;
    } else if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      if (auto s = WaitFor(fd, POLLOUT, until); !s) return s;
    } else if (n < 0 && (errno == EPIPE || errno == ECONNRESET)) {
      return Fail(ErrorCode::kUnavailable, "the other side closed the connection");
    } else if (n < 0 && errno != EINTR) {
      return FailErrno("sendmsg");
    }
  }
  return {};
}

Status FrameSocket::Send(std::uint16_t type, ByteView payload, std::chrono::milliseconds deadline,
                         const std::vector<int>& fds) {
  return WriteAll(fd_.get(), EncodeFrame(type, payload), deadline, fds);
}

/// One read of what the frame under way needs and no more: the kernel would join the bytes of two
/// frames in one answer, and the second one's descriptors would seem to be the first one's.
Status FrameSocket::TakeSome() {
  std::array<std::uint8_t, 65536> buffer;
  iovec iov{buffer.data(), std::min(buffer.size(), reader_.wanted())};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kMaxFds)> control;
  msghdr msg{};
  msg.msg_iov = &iov;
  msg.msg_iovlen = 1;
  msg.msg_control = control.data();
  msg.msg_controllen = control.size();
  ssize_t n = ::recvmsg(fd_.get(), &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  if (n < 0 && (errno == EINTR || errno == EAGAIN)) return {};
  if (n < 0 && errno != ECONNRESET) return FailErrno("recvmsg");
  if (n <= 0) return Fail(ErrorCode::kUnavailable, "the other side closed the connection");
  TakeDescriptors(msg, fds_);
  if ((msg.msg_flags & MSG_CTRUNC) != 0 || fds_.size() > kMaxFds) {
    return Fail(ErrorCode::kCorrupt, "the other side sent more than 4 descriptors");
  }
  auto taken = reader_.Feed(ByteView(buffer).first(static_cast<std::size_t>(n)));
  if (!taken) return Propagate(taken);
  return {};
}

Result<ReceivedFrame> FrameSocket::Receive(std::chrono::milliseconds deadline) {
  auto until = Clock::now() + deadline;
  for (;;) {
    if (auto frame = reader_.Next()) {
      return ReceivedFrame{std::move(*frame), std::exchange(fds_, {})};
    }
    if (auto s = WaitFor(fd_.get(), POLLIN, until); !s) return Propagate(s);
    if (auto s = TakeSome(); !s) return Propagate(s);
  }
}

}  // namespace bulkhead
