// SPDX-License-Identifier: GPL-2.0-or-later
/// Frames: the one shape in which bytes cross a channel, a pipe or a daemon's socket.
/// Wire format (docs/protocols/frames.md), little-endian, 16 bytes of header:
///   u32 magic "BKH1"   u16 type   u16 zero   u32 payload length   u32 CRC-32 of the first 12 bytes
/// The length is checked against the reader's bound before anything is allocated.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "vmspec/base/codec.h"
#include "vmspec/base/error.h"

namespace bulkhead {

inline constexpr std::size_t kFrameHeaderBytes = 16;
inline constexpr std::uint32_t kFrameMagic = 0x31484b42;  // "BKH1"

struct Frame {
  std::uint16_t type = 0;
  Bytes payload;
};

/// Header and payload as bytes ready to write.
Bytes EncodeFrame(std::uint16_t type, ByteView payload);
/// Only the header, for senders that write the payload by themselves (splice, sendfile, writev).
std::array<std::uint8_t, kFrameHeaderBytes> EncodeFrameHeader(std::uint16_t type,
                                                              std::uint32_t length);

/// Incremental decoder for a byte stream from one hostile peer. Holds at most
/// kFrameHeaderBytes + max_payload bytes.
class FrameReader {
 public:
  /// @param max_payload  bytes; a header that declares more is a fault.
  /// @param resync_type  0: a bad header is final (kCorrupt). Else: after a bad header, and at the
  ///                     start, bytes are skipped until a valid header of this type appears, so
  ///                     that a reader that starts mid-stream loses whole frames only.
  explicit FrameReader(std::uint32_t max_payload, std::uint16_t resync_type = 0);

  /// Takes in bytes as they come. `kCorrupt` (no resync) leaves the reader failed for good.
  /// At most `in.size()` bytes are taken; returns how many: stop calling Next() == nullopt first.
  Result<std::size_t> Feed(ByteView in);
  /// The next whole frame, or nothing yet.
  std::optional<Frame> Next();

  /// How many bytes the frame under way still needs, or its header: more than 0 unless a frame is
  /// ready. Who takes no more than these from a stream takes nothing of the frame after.
  [[nodiscard]] std::size_t wanted() const;
  /// Bytes thrown away while looking for a header, since the beginning.
  [[nodiscard]] std::uint64_t skipped_bytes() const { return skipped_; }
  /// Part of a frame is held: an end of stream now is a truncation.
  [[nodiscard]] bool mid_frame() const { return !buffer_.empty() || seeking_mid_; }

 private:
  bool ParseHeader();
  std::uint32_t max_payload_;
  std::uint16_t resync_type_;
  Bytes buffer_;
  bool have_header_ = false;
  bool seeking_ = false;
  bool seeking_mid_ = false;
  bool failed_ = false;
  std::uint16_t type_ = 0;
  std::uint32_t length_ = 0;
  std::uint64_t skipped_ = 0;
  std::optional<Frame> ready_;
};

/// CRC-32 (ISO-HDLC, as in zlib). Guards against loss of step, not against an attacker.
std::uint32_t Crc32(ByteView in);

}  // namespace bulkhead
