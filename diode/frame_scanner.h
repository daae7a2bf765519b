// SPDX-License-Identifier: GPL-2.0-or-later
/// Frames of a transfer stream, read in place. Beside base's FrameReader it copies nothing, never
/// asks for a byte beyond the frame at hand (what is not read yet stays in the pipe, where the
/// sending half can see that it is not consumed), and finds its step again on Begin too.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "vmspec/base/transfer_messages.h"

namespace bulkhead::diode {

/// A whole frame; `payload` is valid until the scanner's next Want().
struct FrameView {
  std::uint16_t type = 0;
  ByteView payload;
};

/// Pure. One fixed buffer (kMaxPayload and a header), whatever the stream declares.
class FrameScanner {
 public:
  /// Where a reader that lost its step (or has just begun) may start again.
  enum class Resync { kStreamStart, kStreamStartOrBegin };
  explicit FrameScanner(Resync resync);

  /// Where the next bytes go, never empty. Voids the frame that Next() gave.
  std::span<std::uint8_t> Want();
  /// `n` bytes were put there, at most as many as wanted.
  void Filled(std::size_t n);
  /// The frame that is now whole; else nothing: fill more.
  std::optional<FrameView> Next();

  /// The bytes that follow are another writer's: what is half read is void.
  void Restart();
  /// True once after bytes came that are no frame, in a stream that had its step.
  bool TakeLostStep() { return std::exchange(lost_step_, false); }
  /// Bytes that were no frame, since the beginning.
  [[nodiscard]] std::uint64_t skipped_bytes() const { return skipped_; }

 private:
  [[nodiscard]] std::optional<std::uint32_t> ParseHeader();
  void SkipToNextMagic();

  Resync resync_;
  Bytes buffer_;
  std::size_t have_ = 0;
  std::size_t need_ = kFrameHeaderBytes;
  bool header_done_ = false;
  bool whole_ = false;
  bool seeking_ = true;
  bool lost_step_ = false;
  std::uint16_t type_ = 0;
  std::uint64_t skipped_ = 0;
};

}  // namespace bulkhead::diode
