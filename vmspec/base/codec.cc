// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/base/codec.h"

namespace bulkhead {

namespace {
template <typename T>
void PutLe(Bytes& out, T v) {
  for (std::size_t i = 0; i < sizeof(T); ++i)
    out.push_back(static_cast<std::uint8_t>(v >> (8 * i)));
}
template <typename T>
T GetLe(ByteView in) {
  T v = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i)
    v = static_cast<T>(v | (static_cast<T>(in[i]) << (8 * i)));
  return v;
}
}  // namespace

Writer& Writer::U8(std::uint8_t v) {
  out_.push_back(v);
  return *this;
}
Writer& Writer::U16(std::uint16_t v) {
  PutLe(out_, v);
  return *this;
}
Writer& Writer::U32(std::uint32_t v) {
  PutLe(out_, v);
  return *this;
}
Writer& Writer::U64(std::uint64_t v) {
  PutLe(out_, v);
  return *this;
}
Writer& Writer::Raw(ByteView v) {
  out_.insert(out_.end(), v.begin(), v.end());
  return *this;
}
Writer& Writer::Blob(ByteView v) { return U32(static_cast<std::uint32_t>(v.size())).Raw(v); }
Writer& Writer::Str(std::string_view v) {
  return Blob({reinterpret_cast<const std::uint8_t*>(v.data()), v.size()});
}

bool Reader::Need(std::size_t n) {
  if (ok_ && in_.size() >= n) return true;
  ok_ = false;
  in_ = {};
  return false;
}
ByteView Reader::Raw(std::size_t n) {
  if (!Need(n)) return {};
  ByteView head = in_.first(n);
  in_ = in_.subspan(n);
  return head;
}
std::uint8_t Reader::U8() { return Need(1) ? Raw(1)[0] : std::uint8_t{0}; }
std::uint16_t Reader::U16() { return Need(2) ? GetLe<std::uint16_t>(Raw(2)) : std::uint16_t{0}; }
std::uint32_t Reader::U32() { return Need(4) ? GetLe<std::uint32_t>(Raw(4)) : 0; }
std::uint64_t Reader::U64() { return Need(8) ? GetLe<std::uint64_t>(Raw(8)) : 0; }
ByteView Reader::Blob(std::size_t max) {
  std::size_t n = U32();
  if (n > max) {
    Need(SIZE_MAX);
    return {};
  }
  return Raw(n);
}
std::string Reader::Str(std::size_t max) {
  ByteView v = Blob(max);
  return {reinterpret_cast<const char*>(v.data()), v.size()};
}
std::uint32_t Reader::Count(std::uint32_t max, std::size_t min_bytes_each) {
  std::uint32_t n = U32();
  if (n > max || n > in_.size() / (min_bytes_each == 0 ? 1 : min_bytes_each)) {
    Need(SIZE_MAX);
    return 0;
  }
  return n;
}

}  // namespace bulkhead
