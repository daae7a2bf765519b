// SPDX-License-Identifier: GPL-2.0-or-later
/// What hostd asks of bulkhead-superd on Paths::SuperSocket(), and what it answers: one request,
/// one answer a connection. Protocol: docs/protocols/super.md.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "hostd/super_client.h"
#include "vmspec/base/frame.h"

namespace bulkhead::super {

/// Every level with an agentd, every flow with two halves: more cannot be asked for.
inline constexpr std::uint32_t kMaxInstances = 4095 + 2 * 16'383;
inline constexpr std::uint32_t kMaxPayload = 8U << 20;

// --- requests ----------------------------------------------------------------------------------

struct SetInstances {
  static constexpr std::uint16_t kType = 401;
  std::vector<hostd::ServiceInstance> instances;  ///< <= kMaxInstances
};
struct GetStatus {
  static constexpr std::uint16_t kType = 402;
};

// --- answers -----------------------------------------------------------------------------------

struct Done {
  static constexpr std::uint16_t kType = 411;
};
struct Failed {
  static constexpr std::uint16_t kType = 412;
  std::uint8_t code = 0;  ///< an ErrorCode
  std::string message;    ///< <= 1024
};
struct StatusList {
  static constexpr std::uint16_t kType = 413;
  std::vector<hostd::ServiceStatus> units;
};

using Request = std::variant<SetInstances, GetStatus>;
using Answer = std::variant<Done, Failed, StatusList>;

Bytes Encode(const Request& message);  ///< a whole frame
Bytes Encode(const Answer& message);
/// kCorrupt when the frame is no message of this direction.
Result<Request> DecodeRequest(const Frame& frame);
Result<Answer> DecodeAnswer(const Frame& frame);

/// An error as it travels, and back: an unknown code becomes kInternal.
Failed ToFailed(const Error& error);
Error ToError(const Failed& failed);

}  // namespace bulkhead::super
