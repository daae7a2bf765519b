// SPDX-License-Identifier: GPL-2.0-or-later
/// What bulkhead-send and the agent say to each other on /run/bulkhead/send.sock. One request with
/// the open file beside it, in one write; progress; one result. Both are programs of one image, so
/// the protocol has no version.
#pragma once

#include <string>
#include <variant>

#include "vmspec/base/frame.h"

namespace bulkhead::agent {

inline constexpr char kSendSocket[] = "/run/bulkhead/send.sock";
inline constexpr std::uint32_t kSendMaxPayload = 1024;

struct SendRequest {
  static constexpr std::uint16_t kType = 501;
  std::string to;    ///< level, <= 64
  std::string name;  ///< <= 512, checked by the agent
};
struct SendProgress {
  static constexpr std::uint16_t kType = 502;
  std::uint64_t done = 0;
  std::uint64_t total = 0;
};
struct SendResult {
  static constexpr std::uint16_t kType = 503;
  std::uint8_t code = 0;  ///< exit code: kHandedOver, kFailed, kRefused
  std::string sentence;   ///< <= 512
};

inline constexpr std::uint8_t kHandedOver = 0;
inline constexpr std::uint8_t kFailed = 1;
inline constexpr std::uint8_t kRefused = 3;

using SendMessage = std::variant<SendRequest, SendProgress, SendResult>;

Bytes Encode(const SendMessage& message);
Result<SendMessage> DecodeSend(const Frame& frame);

}  // namespace bulkhead::agent
