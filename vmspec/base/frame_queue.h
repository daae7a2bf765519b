// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <deque>

#include "vmspec/base/codec.h"
#include "vmspec/base/error.h"

namespace bulkhead {

/// Whole frames that wait for a peer who may be slow or gone, so that an event loop never blocks on
/// it. Bounded; knows how far the first frame is out, so that a new peer gets it from its
/// beginning.
class FrameQueue {
 public:
  explicit FrameQueue(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  /// kLimit when it would exceed the bound: nothing is added then.
  Status Push(Bytes frame);
  /// Sends what `fd` takes now: a socket, or another descriptor that is non-blocking.
  /// kUnavailable when the peer is gone.
  Status Flush(int fd);
  /// The next Flush() goes to another peer: the first frame is sent whole again.
  void Rewind() { sent_of_first_ = 0; }
  void Clear();
  /// All of `other` behind what is here, whatever the bound. Neither has a frame that is partly
  /// out.
  void Append(FrameQueue other);

  [[nodiscard]] bool empty() const { return frames_.empty(); }
  /// Bytes that wait, the part of the first frame that is out included.
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  std::size_t max_bytes_;
  std::size_t bytes_ = 0;
  std::size_t sent_of_first_ = 0;
  std::deque<Bytes> frames_;
};

}  // namespace bulkhead
