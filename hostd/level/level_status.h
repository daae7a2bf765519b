// SPDX-License-Identifier: GPL-2.0-or-later
/// How a level is, as people and programs are told.
#pragma once

#include <cstdint>
#include <string>

namespace bulkhead::hostd {

enum class LevelState : std::uint8_t { kStopped, kStarting, kRunning, kStopping, kFailed };
/// "stopped", "starting", ...: the words of org.bulkhead.Host1.
const char* LevelStateName(LevelState state);

struct LevelStatus {
  LevelState state = LevelState::kStopped;
  std::string step;           ///< starting, stopping: what goes on; failed: what went wrong
  std::string reason;         ///< a sentence: why it failed, or what to know
  std::int64_t since_ms = 0;  ///< unix time of `state`
  std::string boot_id;        ///< as the agent said it, sanitised
  std::string image_version;
  friend bool operator==(const LevelStatus&, const LevelStatus&) = default;
};

}  // namespace bulkhead::hostd
