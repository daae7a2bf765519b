// SPDX-License-Identifier: GPL-2.0-or-later
/// What hostd asks of bulkhead-brokerd on Paths::BrokerSocket(), and what it answers: one request,
/// one answer a connection. Protocol: docs/protocols/broker.md.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "device-broker/broker_client.h"
#include "device-broker/policy.h"
#include "vmspec/base/frame.h"

namespace bulkhead::broker {

inline constexpr std::uint32_t kMaxRequestPayload = kMaxPolicyBytes + 4;
inline constexpr std::uint32_t kMaxAnswerPayload = 4U << 20;
inline constexpr std::uint32_t kMaxListed = 2048;

// --- requests ----------------------------------------------------------------------------------

struct SetPolicyRequest {
  static constexpr std::uint16_t kType = 601;
  Bytes policy;  ///< EncodePolicy()
};
struct ListRequest {
  static constexpr std::uint16_t kType = 602;
};
struct LendRequest {
  static constexpr std::uint16_t kType = 603;
  std::string device;
  std::string level;
  bool write = false;
};
struct ConfirmAttachedRequest {
  static constexpr std::uint16_t kType = 604;
  std::string device;
  std::string level;
};
struct BeginTakeBackRequest {
  static constexpr std::uint16_t kType = 605;
  std::string device;
};
struct ReleasedRequest {
  static constexpr std::uint16_t kType = 606;
  std::string device;
};

// --- answers -----------------------------------------------------------------------------------

struct DoneAnswer {
  static constexpr std::uint16_t kType = 611;
};
struct FailedAnswer {
  static constexpr std::uint16_t kType = 612;
  std::uint8_t code = 0;  ///< an ErrorCode
  std::string message;    ///< <= 1024
};
struct DevicesAnswer {
  static constexpr std::uint16_t kType = 613;
  std::vector<Device> devices;  ///< <= kMaxListed
};
/// With one descriptor beside it.
struct LentAnswer {
  static constexpr std::uint16_t kType = 614;
  Device device;
};

using Request = std::variant<SetPolicyRequest, ListRequest, LendRequest, ConfirmAttachedRequest,
                             BeginTakeBackRequest, ReleasedRequest>;
using Answer = std::variant<DoneAnswer, FailedAnswer, DevicesAnswer, LentAnswer>;

Bytes Encode(const Request& message);  ///< a whole frame
Bytes Encode(const Answer& message);
/// kCorrupt when the frame is no message of this direction.
Result<Request> DecodeRequest(const Frame& frame);
Result<Answer> DecodeAnswer(const Frame& frame);

/// An error as it travels, and back: an unknown code becomes kInternal.
FailedAnswer ToFailed(const Error& error);
Error ToError(const FailedAnswer& failed);

}  // namespace bulkhead::broker
