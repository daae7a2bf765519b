// SPDX-License-Identifier: GPL-2.0-or-later
/// The one place where bytes of a level's guest are read as messages. Pure: bytes and the time in,
/// validated and sanitised messages out. Everything that comes in here is hostile.
#pragma once

#include <chrono>
#include <optional>
#include <vector>

#include "hostd/agentd/rate_limit.h"
#include "vmspec/base/control_messages.h"
#include "vmspec/base/error.h"
#include "vmspec/base/frame.h"

namespace bulkhead::agentd {

/// Messages but RunOutput: what an agent that behaves never reaches (it sends one each 5 s).
inline constexpr double kMessagesPerSecond = 200;
inline constexpr double kMessageBurst = 400;
/// RunOutput: more is not a fault, but is read later, so that the program in the guest waits.
inline constexpr double kRunBytesPerSecond = 8 << 20;
inline constexpr double kRunBytesBurst = 8 << 20;
/// A message of one byte costs hostd as much as one of a page.
inline constexpr double kRunOutputMinCost = 4096;
/// What may lie in QEMU's queue from before this connection: a few torn frames.
inline constexpr std::uint64_t kMaxBytesBeforeHello = 1 << 20;

/// Makes each string of `message` Printable within its field's bound.
void Sanitise(control::GuestMessage& message);

/// One connection to a guest's control port, from its start to its end.
class GuestStream {
 public:
  explicit GuestStream(TimePoint now);

  /// Takes `in` as it came and appends what it holds to `out`. Before the guest's Hello, bytes that
  /// are no Hello are skipped (this connection may begin in mid-frame).
  /// Errors end the connection, `out` holds the good messages before the fault:
  ///   kCorrupt  a frame or message that is not of the protocol, or no Hello in 1 MiB
  ///   kLimit    more messages than kMessagesPerSecond
  Status Feed(ByteView in, TimePoint now, std::vector<control::GuestMessage>& out);

  /// Do not read for so long: more run output came than is let through.
  [[nodiscard]] std::chrono::milliseconds PauseFor(TimePoint now) {
    return run_bytes_.DebtFor(now);
  }

  /// The last Hello on this connection, and whether Ready followed it.
  [[nodiscard]] const std::optional<control::Hello>& hello() const { return hello_; }
  [[nodiscard]] bool ready() const { return ready_; }
  /// Bytes that were no message.
  [[nodiscard]] std::uint64_t skipped_bytes() const { return reader_.skipped_bytes(); }

 private:
  Status Take(const Frame& frame, TimePoint now, std::vector<control::GuestMessage>& out);
  Status CheckFraming() const;
  void Remember(const control::GuestMessage& message);

  FrameReader reader_;
  RateLimit messages_;
  RateLimit run_bytes_;
  std::optional<control::Hello> hello_;
  bool ready_ = false;
  std::uint64_t skipped_at_hello_ = 0;
};

}  // namespace bulkhead::agentd
