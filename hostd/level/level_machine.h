// SPDX-License-Identifier: GPL-2.0-or-later
/// The life of one level as a value: what happened goes in, what is to be done comes out. Pure: no
/// clock, no thread, no libvirt. hostd/level/levels.cc does what it says.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "hostd/level/level_status.h"
#include "vmspec/base/error.h"

namespace bulkhead::hostd {

/// What the shell must do next. At most one of the first four is under way at a time, and the
/// machine is told its end.
enum class Act : std::uint8_t {
  kNone,
  kBringUp,      ///< make everything up to the paused domain; then BroughtUp()
  kResume,       ///< let it run; then Resumed()
  kTearDown,     ///< end the domain, then its network, devices, instances; then TornDown()
  kReattach,     ///< a running domain of before: make network and instances true; then Resumed()
  kAskShutdown,  ///< tell the agent to shut down
};

/// So often a level that ends by itself is started again within this time; then it is left alone.
inline constexpr std::size_t kMostCrashRestarts = 3;
inline constexpr std::int64_t kCrashWindowMs = 600'000;

class LevelMachine {
 public:
  enum class Phase : std::uint8_t {
    kStopped,
    kBringingUp,
    kPaused,  ///< kept paused because Start asked for it
    kResuming,
    kBooting,   ///< runs; no hello yet
    kSettling,  ///< hello; not ready yet
    kRunning,
    kShuttingDown,  ///< the agent was asked
    kTearingDown,
    kFailed,
  };

  /// What follows when the level ends by itself; else it stays down.
  void SetRestartOnCrash(bool restart) { restart_on_crash_ = restart; }

  // --- what people ask ---

  /// kBusy while it stops. Running or starting already: nothing to do.
  Result<Act> Start(bool paused, std::int64_t now_ms);
  /// `force`: no shutdown from inside. A failed level becomes stopped.
  Act Stop(bool force, std::int64_t now_ms);
  /// Stops it, then starts it; a stopped level is started.
  Result<Act> Restart(std::int64_t now_ms);

  // --- how what was to be done ended ---

  void StepBegun(const std::string& step);
  /// An error means that nothing of the level is left but what TearDown removes.
  Act BroughtUp(const Status& outcome, std::int64_t now_ms);
  Act Resumed(const Status& outcome, std::int64_t now_ms);
  Act TornDown(const Status& outcome, std::int64_t now_ms);

  // --- what the world does ---

  /// The agent's first word: returns whether a Welcome is due.
  bool Hello(const std::string& boot_id);
  void Ready(std::int64_t now_ms);
  /// The agent of a level that runs has said nothing for `seconds`: the reason says so until its
  /// next word. The level goes on: what people do in it need not need the agent.
  void Unheard(std::uint32_t seconds);
  void Heard();
  /// The agent was silent for `seconds` since the start, or not ready for as long since its hello.
  Act HelloTimedOut(std::uint32_t seconds, std::int64_t now_ms);
  Act ShutdownTimedOut(std::int64_t now_ms);
  /// The domain is gone, whoever ended it. `reason`: libvirt's word ("shutdown", "destroyed",
  /// "crashed").
  Act DomainGone(const std::string& reason, std::int64_t now_ms);
  /// hostd began and found the level's domain. `was_running`: it had been ready before.
  Act FoundDomain(bool domain_runs, bool was_running, bool keep_paused, std::int64_t now_ms);
  /// hostd began and found a domain that must not be: `reason` says why.
  Act FoundStranger(const std::string& reason, std::int64_t now_ms);
  /// hostd began and found none, though it had been starting or running.
  Act FoundNoDomain(bool was_running, std::int64_t now_ms);
  /// libvirt answers again: what could not be torn down is tried again.
  Act TryAgain(std::int64_t now_ms);
  /// Stops it for a reason that is not a person's wish (I8).
  Act Isolate(const std::string& step, const std::string& reason, std::int64_t now_ms);

  [[nodiscard]] const LevelStatus& status() const { return status_; }
  [[nodiscard]] Phase phase() const { return phase_; }
  /// Waits for the agent's hello.
  [[nodiscard]] bool AwaitsHello() const {
    return phase_ == Phase::kBooting || phase_ == Phase::kSettling;
  }
  [[nodiscard]] bool AwaitsShutdown() const { return phase_ == Phase::kShuttingDown; }
  /// A domain may exist: the level's devices, rules and channels are in use. So it is while a
  /// failed level could not be torn down.
  [[nodiscard]] bool Live() const {
    return phase_ != Phase::kStopped && (phase_ != Phase::kFailed || !torn_);
  }
  [[nodiscard]] bool WantsPaused() const { return keep_paused_; }
  /// Step and reason of the failure for which it is being torn down.
  [[nodiscard]] std::optional<std::pair<std::string, std::string>> Failure() const {
    if (!failing_) return std::nullopt;
    return std::pair(fail_step_, fail_reason_);
  }
  /// Why it is being torn down, when neither a person nor a failure is the cause; or empty.
  [[nodiscard]] const std::string& GoneReason() const { return gone_reason_; }
  void SetImageVersion(const std::string& version) { status_.image_version = version; }

 private:
  void Enter(Phase phase, const std::string& step, std::int64_t now_ms);
  void SetFailure(const std::string& step, const std::string& reason);
  Act BeginBringUp(bool paused, std::int64_t now_ms);
  Act BeginTearDown(std::int64_t now_ms);
  Act Fail(const std::string& step, const std::string& reason, std::int64_t now_ms);
  Act Crashed(const std::string& step, const std::string& reason, std::int64_t now_ms);
  [[nodiscard]] Act CrashedInBoot(const std::string& step, const std::string& reason,
                                  std::int64_t now_ms);

  Phase phase_ = Phase::kStopped;
  LevelStatus status_;
  bool keep_paused_ = false;
  bool stop_pending_ = false;  ///< Stop() came while a job was under way
  bool restart_ = false;       ///< start again once torn down
  bool restart_on_crash_ = false;
  std::vector<std::int64_t> crashes_;  ///< when it was started again after one, of late
  bool torn_ = true;                   ///< nothing of it is left
  bool failing_ = false;               ///< torn down because of fail_step_, fail_reason_
  std::string fail_step_;
  std::string fail_reason_;
  std::string gone_reason_;  ///< what a stop from inside is told as
  std::string gone_early_;   ///< libvirt's word, when the domain went while a job was under way
};

}  // namespace bulkhead::hostd
