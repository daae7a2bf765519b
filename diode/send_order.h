// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

namespace bulkhead::diode {

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;

/// How long what went into the pipe is kept after the other side took it out
/// (docs/decisions/012-no-acks-on-a-flow.md), and how long at least when the quota presses.
inline constexpr std::chrono::seconds kRetention{120};
inline constexpr std::chrono::seconds kLeastRetention{5};

/// Which transfers are to go into the pipe, in order, and which of those that went may be
/// forgotten. Pure: the caller brings the time and how far the pipe is drained.
class SendOrder {
 public:
  /// It may go: behind all others.
  void Add(std::uint64_t seq) { items_.push_back({seq, std::nullopt, std::nullopt}); }
  /// The first that has not gone.
  [[nodiscard]] std::optional<std::uint64_t> Next() const;
  /// It has gone whole; its last byte was number `end` of the stream.
  void Sent(std::uint64_t seq, std::uint64_t end);
  /// The other side has taken the first `bytes` bytes of the stream out of the pipe.
  void Drained(std::uint64_t bytes, TimePoint now);
  /// A new stream begins: all goes again, in the old order.
  void StartOver();
  /// Those that went and were drained at least `retention` before `now`; they are forgotten here.
  std::vector<std::uint64_t> TakeExpired(TimePoint now, std::chrono::seconds retention);
  /// The oldest of them only.
  std::optional<std::uint64_t> TakeOldestExpired(TimePoint now, std::chrono::seconds retention);
  /// Not to be sent any more: it is damaged.
  void Forget(std::uint64_t seq);

  [[nodiscard]] bool waits_for_drain() const;
  [[nodiscard]] std::size_t size() const { return items_.size(); }

 private:
  struct Item {
    std::uint64_t seq;
    std::optional<std::uint64_t> end;
    std::optional<TimePoint> drained;
  };
  std::deque<Item> items_;
};

}  // namespace bulkhead::diode
