// SPDX-License-Identifier: GPL-2.0-or-later
/// Programs that `bulkhead run` has started in levels: which answer belongs to which question.
/// Main-loop thread only. Output is the guest's: raw and hostile.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "vmspec/base/control_messages.h"
#include "vmspec/base/error.h"

namespace bulkhead::hostd {

/// More of either stream ends the program.
inline constexpr std::size_t kMaxRunOutput = 1 << 20;
/// Programs of one level at a time.
inline constexpr std::size_t kMaxRunsPerLevel = 32;

struct RunResult {
  std::int32_t status = 0;
  Bytes out;
  Bytes err;
};

class GuestRuns {
 public:
  using Send = std::function<bool(const std::string& level, control::HostMessage)>;
  using Done = std::function<void(Result<RunResult>)>;

  /// `first_run` should differ from one hostd to the next: what an older one started may still
  /// answer.
  GuestRuns(Send send, std::uint32_t first_run) : send_(std::move(send)), next_(first_run) {}
  ~GuestRuns();
  GuestRuns(const GuestRuns&) = delete;
  GuestRuns& operator=(const GuestRuns&) = delete;

  /// `done` is called once: with the program's end, or
  ///   kTimeout      it was killed after `timeout_ms`
  ///   kLimit        it printed more than kMaxRunOutput, or too many run in the level
  ///   kUnavailable  the level's agent is not connected, or went away meanwhile
  void Start(const std::string& level, const std::string& user, std::vector<std::string> argv,
             std::uint32_t timeout_ms, Done done);

  void OnOutput(const std::string& level, control::RunOutput output);
  void OnExit(const std::string& level, const control::RunExit& exit);
  /// The level's agent is gone, or began anew: its programs are.
  void OnAgentGone(const std::string& level);

 private:
  struct Run {
    std::string level;
    RunResult result;
    Done done;
    unsigned timer = 0;
  };
  void Finish(std::uint32_t id, Result<RunResult> result);
  void Cancel(std::uint32_t id, Error error);
  Run* Find(const std::string& level, std::uint32_t id);

  Send send_;
  std::uint32_t next_;
  std::map<std::uint32_t, Run> runs_;
};

}  // namespace bulkhead::hostd
