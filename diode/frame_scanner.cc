// SPDX-License-Identifier: GPL-2.0-or-later
#include "diode/frame_scanner.h"

#include <algorithm>

namespace bulkhead::diode {

namespace {

/// Largest payload of a type; anything but Data is small.
std::uint32_t MaxPayloadOf(std::uint16_t type) {
  return type == transfer::Data::kType ? transfer::kMaxData + 4 : 1024;
}

}  // namespace

FrameScanner::FrameScanner(Resync resync)
    : resync_(resync), buffer_(transfer::kMaxPayload + kFrameHeaderBytes) {}

std::span<std::uint8_t> FrameScanner::Want() {
  if (whole_) {
    have_ = 0;
    need_ = kFrameHeaderBytes;
    header_done_ = whole_ = false;
  }
  return std::span(buffer_).subspan(have_, need_ - have_);
}

void FrameScanner::Filled(std::size_t n) {
  have_ += n;
  if (have_ < need_) return;
  if (!header_done_) {
    auto length = ParseHeader();
    if (!length) return SkipToNextMagic();
    seeking_ = false;
    header_done_ = true;
    need_ += *length;
  }
  whole_ = have_ == need_;
}

std::optional<FrameView> FrameScanner::Next() {
  if (!whole_) return std::nullopt;
  return FrameView{type_, ByteView(buffer_).subspan(kFrameHeaderBytes, need_ - kFrameHeaderBytes)};
}

void FrameScanner::Restart() {
  have_ = 0;
  need_ = kFrameHeaderBytes;
  header_done_ = whole_ = lost_step_ = false;
  seeking_ = true;
}

std::optional<std::uint32_t> FrameScanner::ParseHeader() {
  ByteView header = ByteView(buffer_).first(kFrameHeaderBytes);
  Reader r(header);
  std::uint32_t magic = r.U32();
  std::uint16_t type = r.U16();
  std::uint16_t zero = r.U16();
  std::uint32_t length = r.U32();
  // The length is held against its bound before it means anything.
  if (magic != kFrameMagic || zero != 0 || length > MaxPayloadOf(type)) return std::nullopt;
  if (r.U32() != Crc32(header.first(kFrameHeaderBytes - 4))) return std::nullopt;
  bool may_begin = type == transfer::StreamStart::kType ||
                   (resync_ == Resync::kStreamStartOrBegin && type == transfer::Begin::kType);
  if (seeking_ && !may_begin) return std::nullopt;
  type_ = type;
  return length;
}

void FrameScanner::SkipToNextMagic() {
  if (!seeking_) lost_step_ = true;
  seeking_ = true;
  auto first = buffer_.begin();
  auto end = first + kFrameHeaderBytes;
  auto next = std::find(first + 1, end, static_cast<std::uint8_t>(kFrameMagic & 0xFF));
  std::copy(next, end, first);
  have_ = static_cast<std::size_t>(end - next);
  skipped_ += kFrameHeaderBytes - have_;
}

}  // namespace bulkhead::diode
