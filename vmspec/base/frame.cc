// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/base/frame.h"

#include <algorithm>
#include <array>

namespace bulkhead {

namespace {
constexpr std::array<std::uint32_t, 256> MakeCrcTable() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t c = i;
    for (int k = 0; k < 8; ++k) c = (c & 1) ? 0xEDB88320u ^ (c >> 1) : c >> 1;
    table[i] = c;
  }
  return table;
}
constexpr auto kCrcTable = MakeCrcTable();
}  // namespace

std::uint32_t Crc32(ByteView in) {
  std::uint32_t c = 0xFFFFFFFFu;
  for (std::uint8_t b : in) c = kCrcTable[(c ^ b) & 0xFF] ^ (c >> 8);
  return c ^ 0xFFFFFFFFu;
}

std::array<std::uint8_t, kFrameHeaderBytes> EncodeFrameHeader(std::uint16_t type,
                                                              std::uint32_t length) {
  Writer w;
  w.U32(kFrameMagic).U16(type).U16(0).U32(length);
  w.U32(Crc32(w.bytes()));
  std::array<std::uint8_t, kFrameHeaderBytes> out{};
  std::ranges::copy(w.bytes(), out.begin());
  return out;
}

Bytes EncodeFrame(std::uint16_t type, ByteView payload) {
  auto header = EncodeFrameHeader(type, static_cast<std::uint32_t>(payload.size()));
  Bytes out;
  out.reserve(header.size() + payload.size());
  out.insert(out.end(), header.begin(), header.end());
  out.insert(out.end(), payload.begin(), payload.end());
  return out;
}

FrameReader::FrameReader(std::uint32_t max_payload, std::uint16_t resync_type)
    : max_payload_(max_payload), resync_type_(resync_type), seeking_(resync_type != 0) {}

bool FrameReader::ParseHeader() {
  Reader r(buffer_);
  std::uint32_t magic = r.U32();
  std::uint16_t type = r.U16();
  std::uint16_t zero = r.U16();
  std::uint32_t length = r.U32();
  std::uint32_t crc = r.U32();
  if (magic != kFrameMagic || zero != 0 || length > max_payload_) return false;
  if (crc != Crc32(ByteView(buffer_).first(kFrameHeaderBytes - 4))) return false;
  if (seeking_ && type != resync_type_) return false;
  type_ = type;
  length_ = length;
  return true;
}

Result<std::size_t> FrameReader::Feed(ByteView in) {
  if (failed_) return Fail(ErrorCode::kCorrupt, "the stream lost its framing earlier");
  std::size_t taken = 0;
  while (!ready_) {
    if (!have_header_) {
      std::size_t n = std::min(kFrameHeaderBytes - buffer_.size(), in.size() - taken);
      buffer_.insert(buffer_.end(), in.begin() + static_cast<std::ptrdiff_t>(taken),
                     in.begin() + static_cast<std::ptrdiff_t>(taken + n));
      taken += n;
      if (buffer_.size() < kFrameHeaderBytes) break;
      if (!ParseHeader()) {
        if (resync_type_ == 0) {
          failed_ = true;
          return Fail(ErrorCode::kCorrupt, "a frame header is not valid or declares more than " +
                                               std::to_string(max_payload_) + " bytes");
        }
        seeking_ = true;
        buffer_.erase(buffer_.begin());
        ++skipped_;
        continue;
      }
      seeking_ = false;
      have_header_ = true;
      buffer_.clear();
    }
    seeking_mid_ = true;
    std::size_t n = std::min<std::size_t>(length_ - buffer_.size(), in.size() - taken);
    buffer_.insert(buffer_.end(), in.begin() + static_cast<std::ptrdiff_t>(taken),
                   in.begin() + static_cast<std::ptrdiff_t>(taken + n));
    taken += n;
    if (buffer_.size() < length_) break;
    ready_ = Frame{type_, std::move(buffer_)};
    buffer_ = {};
    have_header_ = false;
    seeking_mid_ = false;
  }
  return taken;
}

std::size_t FrameReader::wanted() const {
  if (ready_) return 0;
  return (have_header_ ? length_ : kFrameHeaderBytes) - buffer_.size();
}

std::optional<Frame> FrameReader::Next() { return std::exchange(ready_, std::nullopt); }

}  // namespace bulkhead
