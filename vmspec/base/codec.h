// SPDX-License-Identifier: GPL-2.0-or-later
/// Little-endian field codec for the payloads of frames. Every read is bounded; a Reader that met
/// a fault stays failed, so that a decoder can read all fields and check once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bulkhead {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;

/// Appends fields to a buffer it owns.
class Writer {
 public:
  Writer& U8(std::uint8_t v);
  Writer& U16(std::uint16_t v);
  Writer& U32(std::uint32_t v);
  Writer& U64(std::uint64_t v);
  Writer& I32(std::int32_t v) { return U32(static_cast<std::uint32_t>(v)); }
  /// Raw bytes, no length in front: for fixed-size fields.
  Writer& Raw(ByteView v);
  /// u32 length, then the bytes.
  Writer& Blob(ByteView v);
  Writer& Str(std::string_view v);

  [[nodiscard]] const Bytes& bytes() const { return out_; }
  [[nodiscard]] Bytes Take() { return std::move(out_); }

 private:
  Bytes out_;
};

/// Reads fields from bytes it borrows (the caller keeps them alive). Never allocates more than the
/// bytes that are really there.
class Reader {
 public:
  explicit Reader(ByteView in) : in_(in) {}

  std::uint8_t U8();
  std::uint16_t U16();
  std::uint32_t U32();
  std::uint64_t U64();
  std::int32_t I32() { return static_cast<std::int32_t>(U32()); }
  /// Exactly n bytes; an empty view and a failed reader if they are not there.
  ByteView Raw(std::size_t n);
  /// u32 length, then bytes; fails if the length exceeds `max` or what is there.
  ByteView Blob(std::size_t max);
  std::string Str(std::size_t max);
  /// A count of elements that each take at least `min_bytes_each`; fails when more than `max` or
  /// more than the rest could hold, so that a loop over it is bounded.
  std::uint32_t Count(std::uint32_t max, std::size_t min_bytes_each);

  /// No fault so far.
  [[nodiscard]] bool ok() const { return ok_; }
  /// No fault, and nothing left over: what every decoder demands in the end.
  [[nodiscard]] bool Done() const { return ok_ && in_.empty(); }
  [[nodiscard]] std::size_t left() const { return in_.size(); }

 private:
  bool Need(std::size_t n);
  ByteView in_;
  bool ok_ = true;
};

}  // namespace bulkhead
