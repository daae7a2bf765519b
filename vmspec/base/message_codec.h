// SPDX-License-Identifier: GPL-2.0-or-later
/// One walk over a message's fields serves writing and reading: a message declares its fields once,
/// in `Fields(message, visitor)`, and cannot encode what it would not decode.
#pragma once

#include <array>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

#include "vmspec/base/frame.h"

namespace bulkhead {

class FieldWriter {
 public:
  void Num(const std::uint8_t& v) { w_.U8(v); }
  void Num(const std::uint16_t& v) { w_.U16(v); }
  void Num(const std::uint32_t& v) { w_.U32(v); }
  void Num(const std::uint64_t& v) { w_.U64(v); }
  void Num(const std::int32_t& v) { w_.I32(v); }
  void Num(const std::int64_t& v) { w_.U64(static_cast<std::uint64_t>(v)); }
  void Flag(const bool& v) { w_.U8(v ? 1 : 0); }
  void Str(const std::string& v, std::size_t max) { w_.Str(std::string_view(v).substr(0, max)); }
  void Blob(const Bytes& v, std::size_t max) {
    w_.Blob(ByteView(v).first(std::min(v.size(), max)));
  }
  template <std::size_t N>
  void Fixed(const std::array<std::uint8_t, N>& v) {
    w_.Raw(v);
  }
  template <typename T, typename Each>
  void List(const std::vector<T>& v, std::uint32_t max, std::size_t, Each each) {
    std::uint32_t n = static_cast<std::uint32_t>(std::min<std::size_t>(v.size(), max));
    w_.U32(n);
    for (std::uint32_t i = 0; i < n; ++i) each(v[i]);
  }
  Bytes Take() { return w_.Take(); }

 private:
  Writer w_;
};

class FieldReader {
 public:
  explicit FieldReader(ByteView in) : r_(in) {}
  void Num(std::uint8_t& v) { v = r_.U8(); }
  void Num(std::uint16_t& v) { v = r_.U16(); }
  void Num(std::uint32_t& v) { v = r_.U32(); }
  void Num(std::uint64_t& v) { v = r_.U64(); }
  void Num(std::int32_t& v) { v = r_.I32(); }
  void Num(std::int64_t& v) { v = static_cast<std::int64_t>(r_.U64()); }
  void Flag(bool& v) {
    std::uint8_t b = r_.U8();
    if (b > 1) bad_ = true;
    v = b == 1;
  }
  void Str(std::string& v, std::size_t max) { v = r_.Str(max); }
  void Blob(Bytes& v, std::size_t max) {
    ByteView b = r_.Blob(max);
    v.assign(b.begin(), b.end());
  }
  template <std::size_t N>
  void Fixed(std::array<std::uint8_t, N>& v) {
    ByteView b = r_.Raw(N);
    if (b.size() == N) std::copy(b.begin(), b.end(), v.begin());
  }
  template <typename T, typename Each>
  void List(std::vector<T>& v, std::uint32_t max, std::size_t min_bytes_each, Each each) {
    std::uint32_t n = r_.Count(max, min_bytes_each);
    for (std::uint32_t i = 0; i < n && r_.ok(); ++i) each(v.emplace_back());
  }
  [[nodiscard]] bool Done() const { return !bad_ && r_.Done(); }

 private:
  Reader r_;
  bool bad_ = false;
};

/// A whole frame from a variant of messages that have kType and a Fields() overload.
template <typename Variant>
Bytes EncodeMessage(const Variant& message) {
  return std::visit(
      [](const auto& m) {
        FieldWriter w;
        Fields(m, w);
        return EncodeFrame(std::decay_t<decltype(m)>::kType, w.Take());
      },
      message);
}

namespace detail {
template <typename Variant, std::size_t I = 0>
Result<Variant> DecodeAs(const Frame& frame) {
  if constexpr (I == std::variant_size_v<Variant>) {
    return Fail(ErrorCode::kCorrupt,
                "message type " + std::to_string(frame.type) + " does not belong on this channel");
  } else {
    using M = std::variant_alternative_t<I, Variant>;
    if (frame.type != M::kType) return DecodeAs<Variant, I + 1>(frame);
    M m;
    FieldReader r(frame.payload);
    Fields(m, r);
    if (!r.Done()) {
      return Fail(ErrorCode::kCorrupt,
                  "message type " + std::to_string(frame.type) + " is malformed");
    }
    return Variant(std::move(m));
  }
}
}  // namespace detail

/// kCorrupt when no alternative has the frame's type, or its payload is not exactly its fields.
template <typename Variant>
Result<Variant> DecodeMessage(const Frame& frame) {
  return detail::DecodeAs<Variant>(frame);
}

}  // namespace bulkhead
