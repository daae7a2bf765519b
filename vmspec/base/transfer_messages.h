// SPDX-License-Identifier: GPL-2.0-or-later
/// One file on its way: the same four messages on org.bulkhead.out.F (guest to sending half), on
/// the one-way pipe (sending half to receiving half) and on org.bulkhead.in.F (receiving half to
/// guest). Protocol: docs/protocols/diode.md. No message ever travels the other way.
#pragma once

#include <array>
#include <string>
#include <variant>

#include "vmspec/base/frame.h"
#include "vmspec/base/sha256.h"

namespace bulkhead::transfer {

/// Largest payload on these streams; Data carries at most kMaxData bytes.
inline constexpr std::uint32_t kMaxPayload = 262144 + 64;
inline constexpr std::uint32_t kMaxData = 262144;

using TransferId = std::array<std::uint8_t, 16>;

/// Where a reader may begin: written when a writer opens the stream. What came before is void.
struct StreamStart {
  static constexpr std::uint16_t kType = 200;
  std::uint32_t protocol = 1;
};
struct Begin {
  static constexpr std::uint16_t kType = 201;
  TransferId id{};
  std::string name;        ///< one component, <= 255 bytes; hostile until checked
  std::string from;        ///< source level; set by the host, ignored from a guest; <= 31
  std::uint64_t size = 0;  ///< bytes
  std::int64_t time_us = 0;
};
struct Data {
  static constexpr std::uint16_t kType = 202;
  Bytes bytes;  ///< 1..kMaxData
};
struct End {
  static constexpr std::uint16_t kType = 203;
  Sha256Digest sha256{};
};
/// The sender gives the transfer up; nothing of it may stay.
struct Abort {
  static constexpr std::uint16_t kType = 204;
};

using Message = std::variant<StreamStart, Begin, Data, End, Abort>;

Bytes Encode(const Message& message);
Result<Message> Decode(const Frame& frame);

}  // namespace bulkhead::transfer
