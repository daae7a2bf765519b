// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/base/frame_queue.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

namespace bulkhead {

namespace {
/// send(), or write() where `fd` is no socket (a virtio port).
ssize_t SendNow(int fd, ByteView bytes) {
  ssize_t n = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  return n < 0 && errno == ENOTSOCK ? ::write(fd, bytes.data(), bytes.size()) : n;
}
}  // namespace

Status FrameQueue::Push(Bytes frame) {
  if (bytes_ > max_bytes_ || frame.size() > max_bytes_ - bytes_) {
    return Fail(ErrorCode::kLimit,
                "more than " + std::to_string(max_bytes_) + " bytes wait for the other side");
  }
  bytes_ += frame.size();
  frames_.push_back(std::move(frame));
  return {};
}

Status FrameQueue::Flush(int fd) {
  while (!frames_.empty()) {
    ByteView rest = ByteView(frames_.front()).subspan(sent_of_first_);
    ssize_t n = SendNow(fd, rest);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return {};
    if (n < 0 && (errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN)) {
      return Fail(ErrorCode::kUnavailable, "the other side closed the connection");
    }
    if (n < 0) return FailErrno("send");
    sent_of_first_ += static_cast<std::size_t>(n);
    if (sent_of_first_ < frames_.front().size()) continue;
    bytes_ -= frames_.front().size();
    frames_.pop_front();
    sent_of_first_ = 0;
  }
  return {};
}

void FrameQueue::Clear() {
  frames_.clear();
  bytes_ = 0;
  sent_of_first_ = 0;
}

void FrameQueue::Append(FrameQueue other) {
  for (Bytes& frame : other.frames_) frames_.push_back(std::move(frame));
  bytes_ += other.bytes_;
}

}  // namespace bulkhead
