// SPDX-License-Identifier: GPL-2.0-or-later
/// What hostd asks of bulkhead-netd on Paths::NetdSocket(), and what it answers: one request, one
/// answer a connection. Protocol: docs/protocols/netd.md.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "netpolicy/netd_client.h"
#include "vmspec/base/frame.h"

namespace bulkhead::netpolicy {

inline constexpr std::uint32_t kMaxRequestPayload = 1U << 20;
inline constexpr std::uint32_t kMaxAnswerPayload = 64U << 20;
inline constexpr std::uint32_t kMaxLevels = 4095;

// --- requests ----------------------------------------------------------------------------------

struct ApplyRequest {
  static constexpr std::uint16_t kType = 501;
  Bytes policy;  ///< EncodePolicy()
};
struct RemoveRequest {
  static constexpr std::uint16_t kType = 502;
  std::string level;
};
struct RetainOnlyRequest {
  static constexpr std::uint16_t kType = 503;
  std::vector<std::string> levels;  ///< <= kMaxLevels
};
struct StatusRequest {
  static constexpr std::uint16_t kType = 504;
};

// --- answers -----------------------------------------------------------------------------------

struct DoneAnswer {
  static constexpr std::uint16_t kType = 511;
};
struct FailedAnswer {
  static constexpr std::uint16_t kType = 512;
  std::uint8_t code = 0;  ///< an ErrorCode
  std::string message;    ///< <= 1024
};
struct StatusAnswer {
  static constexpr std::uint16_t kType = 513;
  std::vector<LevelNetStatus> levels;
};

using Request = std::variant<ApplyRequest, RemoveRequest, RetainOnlyRequest, StatusRequest>;
using Answer = std::variant<DoneAnswer, FailedAnswer, StatusAnswer>;

Bytes Encode(const Request& message);  ///< a whole frame
Bytes Encode(const Answer& message);
/// kCorrupt when the frame is no message of this direction.
Result<Request> DecodeRequest(const Frame& frame);
Result<Answer> DecodeAnswer(const Frame& frame);

/// An error as it travels, and back: an unknown code becomes kInternal.
FailedAnswer ToFailed(const Error& error);
Error ToError(const FailedAnswer& failed);

}  // namespace bulkhead::netpolicy
