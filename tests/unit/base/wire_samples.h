// SPDX-License-Identifier: GPL-2.0-or-later
/// One message of every type that our channels carry, with the bytes it has had since version 1.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "vmspec/base/control_messages.h"
#include "vmspec/base/report_messages.h"
#include "vmspec/base/transfer_messages.h"

namespace bulkhead {

struct WireSample {
  const char* name;
  Bytes frame;      ///< as our encoder makes it
  const char* hex;  ///< as the protocol's first version made it: header, then payload
  /// Decodes and encodes again; nothing when the decoder refuses.
  std::function<Result<Bytes>(const Frame&)> again;
};

/// Decode, then encode.
template <typename Decoder, typename Encoder>
Result<Bytes> Again(const Frame& frame, Decoder decode, Encoder encode) {
  auto message = decode(frame);
  if (!message) return Propagate(message);
  return encode(*message);
}

inline WireSample FromGuest(const char* name, const control::GuestMessage& m, const char* hex) {
  return {name, control::Encode(m), hex, [](const Frame& f) {
            return Again(f, control::DecodeGuest,
                         [](const control::GuestMessage& x) { return control::Encode(x); });
          }};
}
inline WireSample ToGuest(const char* name, const control::HostMessage& m, const char* hex) {
  return {name, control::Encode(m), hex, [](const Frame& f) {
            return Again(f, control::DecodeHost,
                         [](const control::HostMessage& x) { return control::Encode(x); });
          }};
}
inline WireSample ReportUp(const char* name, const report::ToHostd& m, const char* hex) {
  return {name, report::Encode(m), hex, [](const Frame& f) {
            return Again(f, report::DecodeToHostd,
                         [](const report::ToHostd& x) { return report::Encode(x); });
          }};
}
inline WireSample ReportDown(const char* name, const report::FromHostd& m, const char* hex) {
  return {name, report::Encode(m), hex, [](const Frame& f) {
            return Again(f, report::DecodeFromHostd,
                         [](const report::FromHostd& x) { return report::Encode(x); });
          }};
}
inline WireSample OnAFlow(const char* name, const transfer::Message& m, const char* hex) {
  return {name, transfer::Encode(m), hex, [](const Frame& f) {
            return Again(f, transfer::Decode,
                         [](const transfer::Message& x) { return transfer::Encode(x); });
          }};
}

/// 0, 1, 2, ...
template <std::size_t N>
std::array<std::uint8_t, N> Counting() {
  std::array<std::uint8_t, N> out{};
  for (std::size_t i = 0; i < N; ++i) out[i] = static_cast<std::uint8_t>(i);
  return out;
}

std::vector<WireSample> WireSamples();

}  // namespace bulkhead
