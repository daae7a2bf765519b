// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/super/relay_pair.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace bulkhead::super {

namespace {
/// libvirt's protocol allows 32 descriptors a message.
constexpr std::size_t kMaxFds = 32;

void TakeFds(msghdr& msg, std::vector<UniqueFd>& out) {
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

bool RelayLane::Read(int fd) {
  iovec iov{buffer_.data(), buffer_.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kMaxFds)> control;
  msghdr msg{};
  msg.msg_iov = &iov;
  msg.msg_iovlen = 1;
  msg.msg_control = control.data();
  msg.msg_controllen = control.size();
  ssize_t n = ::recvmsg(fd, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return true;
  if (n <= 0 || (msg.msg_flags & MSG_CTRUNC) != 0) {
    ended_ = true;
    return false;
  }
  TakeFds(msg, fds_);
  size_ = static_cast<std::size_t>(n);
  sent_ = 0;
  return true;
}

/// The kernel ends a read behind the bytes that carry descriptors, so they belong to the last byte
/// read; libvirt sends and expects them on a byte of their own.
bool RelayLane::Write(int fd) {
  while (sent_ < size_) {
    std::size_t left = size_ - sent_;
    bool last_is_special = !fds_.empty();
    std::size_t plain = last_is_special ? left - 1 : left;
    std::size_t before = sent_;
    if (!WriteBytes(fd, plain > 0 ? plain : 1, plain == 0 && last_is_special)) return false;
    if (sent_ == before) return true;  // full for now
  }
  size_ = 0;
  sent_ = 0;
  return true;
}

bool RelayLane::WriteBytes(int fd, std::size_t count, bool with_fds) {
  iovec iov{buffer_.data() + sent_, count};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kMaxFds)> control{};
  msghdr msg{};
  msg.msg_iov = &iov;
  msg.msg_iovlen = 1;
  if (with_fds) {
    std::size_t bytes = sizeof(int) * fds_.size();
    msg.msg_control = control.data();
    msg.msg_controllen = CMSG_SPACE(bytes);
    cmsghdr* c = CMSG_FIRSTHDR(&msg);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(bytes);
    for (std::size_t i = 0; i < fds_.size(); ++i) {
      int one = fds_[i].get();
      std::memcpy(CMSG_DATA(c) + i * sizeof(int), &one, sizeof(int));
    }
  }
  ssize_t n = ::sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (n < 0) return errno == EAGAIN || errno == EINTR;
  sent_ += static_cast<std::size_t>(n);
  if (with_fds) fds_.clear();
  return true;
}

}  // namespace bulkhead::super
