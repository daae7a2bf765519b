// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <chrono>
#include <optional>
#include <vector>

#include "guest-images/agent/poll_set.h"
#include "vmspec/base/control_messages.h"
#include "vmspec/base/frame_queue.h"
#include "vmspec/base/unique_fd.h"

namespace bulkhead::agent {

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;

/// The agent's end of the control port: frames in, frames out, and whether the host is there. Each
/// time the host comes (back), a fresh Hello goes out before anything else, and until its Welcome
/// nothing that comes in counts.
///
/// A virtio port says "the host went" by POLLHUP, for as long as it is away, and by SIGIO at each
/// change and whenever data comes. A host that goes and comes between two looks is found by a SIGIO
/// without data, or by a frame that stays cut off. The first can be wrong (data that was read
/// before its signal came), so it costs nothing: Hello is said once more, in step, and all goes on.
class ControlLink {
 public:
  explicit ControlLink(control::Hello hello) : hello_(std::move(hello)) {}

  /// @param port  non-blocking, just opened.
  void Open(UniqueFd port, TimePoint now);
  [[nodiscard]] bool open() const { return port_.valid(); }
  [[nodiscard]] int fd() const { return port_.get(); }
  /// The host has answered the last Hello with a Welcome.
  [[nodiscard]] bool welcomed() const { return welcomed_; }

  /// Queues a message; without a host, or with more than kMaxQueued bytes before it, it is dropped.
  void Send(const control::GuestMessage& message);
  /// No more run output now: the host is slow.
  [[nodiscard]] bool congested() const { return out_.bytes() > kCongested; }

  void AddWishes(PollSet& set) const;
  /// Reads and writes what `set` found.
  /// @param signalled  a SIGIO came since the last turn.
  std::vector<control::HostMessage> Handle(const PollSet& set, bool signalled, TimePoint now);
  /// When to look again without any event.
  [[nodiscard]] std::chrono::milliseconds NextLook() const;

 private:
  static constexpr std::size_t kMaxQueued = 1 << 20;
  static constexpr std::size_t kCongested = 128 << 10;

  void BeginAnew(TimePoint now);
  void SayHello(TimePoint now);
  [[nodiscard]] bool StepIsLost(TimePoint now);
  void HostWent();
  std::vector<control::HostMessage> Read(TimePoint now);
  void TakeFrame(const Frame& frame, std::vector<control::HostMessage>& out);

  control::Hello hello_;
  UniqueFd port_;
  FrameReader reader_{control::kControlMaxPayload, control::Welcome::kType};
  FrameQueue out_{kMaxQueued};
  bool host_there_ = false;
  bool welcomed_ = false;
  std::uint64_t skipped_at_welcome_ = 0;
  TimePoint hello_at_{};
  bool step_lost_ = false;
  bool host_changed_ = false;  ///< perhaps
  TimePoint read_at_{};
  std::optional<TimePoint> cut_since_;  ///< part of a frame is here, and nothing has followed
};

}  // namespace bulkhead::agent
