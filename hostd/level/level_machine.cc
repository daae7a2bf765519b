// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/level/level_machine.h"

#include <utility>

namespace bulkhead::hostd {

namespace {

using Phase = LevelMachine::Phase;

LevelState StateOf(Phase phase) {
  switch (phase) {
    case Phase::kStopped:
      return LevelState::kStopped;
    case Phase::kRunning:
      return LevelState::kRunning;
    case Phase::kFailed:
      return LevelState::kFailed;
    case Phase::kShuttingDown:
    case Phase::kTearingDown:
      return LevelState::kStopping;
    default:
      return LevelState::kStarting;
  }
}

}  // namespace

const char* LevelStateName(LevelState state) {
  switch (state) {
    case LevelState::kStopped:
      return "stopped";
    case LevelState::kStarting:
      return "starting";
    case LevelState::kRunning:
      return "running";
    case LevelState::kStopping:
      return "stopping";
    case LevelState::kFailed:
      break;
  }
  return "failed";
}

void LevelMachine::Enter(Phase phase, const std::string& step, std::int64_t now_ms) {
  phase_ = phase;
  status_.step = step;
  if (phase != Phase::kFailed) status_.reason.clear();
  LevelState state = StateOf(phase);
  if (state != status_.state || status_.since_ms == 0) status_.since_ms = now_ms;
  status_.state = state;
}

Act LevelMachine::BeginBringUp(bool paused, std::int64_t now_ms) {
  Enter(Phase::kBringingUp, "spec", now_ms);
  // A new start counts from now, also when the last one failed a moment ago.
  status_.since_ms = now_ms;
  keep_paused_ = paused;
  stop_pending_ = restart_ = failing_ = false;
  gone_early_.clear();
  gone_reason_.clear();
  torn_ = false;
  status_.boot_id.clear();
  status_.image_version.clear();
  return Act::kBringUp;
}

Act LevelMachine::BeginTearDown(std::int64_t now_ms) {
  Enter(Phase::kTearingDown, failing_ ? "undo" : "stop", now_ms);
  return Act::kTearDown;
}

void LevelMachine::SetFailure(const std::string& step, const std::string& reason) {
  failing_ = true;
  restart_ = false;
  fail_step_ = step;
  fail_reason_ = reason;
}

Act LevelMachine::Fail(const std::string& step, const std::string& reason, std::int64_t now_ms) {
  SetFailure(step, reason);
  return BeginTearDown(now_ms);
}

/// It ran, and ended by itself.
Act LevelMachine::Crashed(const std::string& step, const std::string& reason, std::int64_t now_ms) {
  Act act = Fail(step, reason, now_ms);
  if (!restart_on_crash_) return act;
  std::erase_if(crashes_, [&](std::int64_t at) { return at + kCrashWindowMs <= now_ms; });
  if (crashes_.size() < kMostCrashRestarts) {
    crashes_.push_back(now_ms);
    restart_ = true;
  } else {
    fail_reason_ += "; it was started again " + std::to_string(kMostCrashRestarts) +
                    " times within " + std::to_string(kCrashWindowMs / 60'000) +
                    " minutes and is left alone now";
  }
  return act;
}

/// A boot that a person asked for and that fails is told at once. One that follows a crash is the
/// same trouble going on.
Act LevelMachine::CrashedInBoot(const std::string& step, const std::string& reason,
                                std::int64_t now_ms) {
  return crashes_.empty() ? Fail(step, reason, now_ms) : Crashed(step, reason, now_ms);
}

Result<Act> LevelMachine::Start(bool paused, std::int64_t now_ms) {
  // A person's start: what was before is forgiven.
  if (phase_ == Phase::kStopped || phase_ == Phase::kFailed) crashes_.clear();
  switch (phase_) {
    case Phase::kStopped:
      return BeginBringUp(paused, now_ms);
    case Phase::kFailed:
      if (!torn_) {
        return bulkhead::Fail(
            ErrorCode::kBusy,
            "what is left of its last run could not be removed yet: " + status_.reason);
      }
      return BeginBringUp(paused, now_ms);
    case Phase::kPaused:
      if (paused) return Act::kNone;
      keep_paused_ = false;
      Enter(Phase::kResuming, "run", now_ms);
      return Act::kResume;
    case Phase::kShuttingDown:
    case Phase::kTearingDown:
      return bulkhead::Fail(ErrorCode::kBusy, "it is being stopped: try again when it is stopped");
    default:
      if (stop_pending_) {
        return bulkhead::Fail(ErrorCode::kBusy,
                              "it is being stopped: try again when it is stopped");
      }
      return Act::kNone;
  }
}

Act LevelMachine::Stop(bool force, std::int64_t now_ms) {
  restart_ = false;
  switch (phase_) {
    case Phase::kStopped:
    case Phase::kTearingDown:
      failing_ = false;
      return Act::kNone;
    case Phase::kFailed:
      if (!torn_) return BeginTearDown(now_ms);
      Enter(Phase::kStopped, "", now_ms);
      return Act::kNone;
    case Phase::kBringingUp:
    case Phase::kResuming:
      stop_pending_ = true;
      return Act::kNone;
    case Phase::kRunning:
      if (force) return BeginTearDown(now_ms);
      Enter(Phase::kShuttingDown, "shutdown", now_ms);
      return Act::kAskShutdown;
    case Phase::kShuttingDown:
      return force ? BeginTearDown(now_ms) : Act::kNone;
    default:
      // Paused or booting: nobody inside could shut it down.
      return BeginTearDown(now_ms);
  }
}

Result<Act> LevelMachine::Restart(std::int64_t now_ms) {
  if (phase_ == Phase::kStopped || phase_ == Phase::kFailed) return Start(false, now_ms);
  Act act = Stop(false, now_ms);
  restart_ = true;
  return act;
}

void LevelMachine::StepBegun(const std::string& step) {
  if (phase_ == Phase::kBringingUp) status_.step = step;
}

Act LevelMachine::BroughtUp(const Status& outcome, std::int64_t now_ms) {
  if (phase_ != Phase::kBringingUp) return Act::kNone;
  if (!outcome) return Fail(status_.step, outcome.error().message, now_ms);
  if (std::exchange(stop_pending_, false)) return BeginTearDown(now_ms);
  if (keep_paused_) {
    Enter(Phase::kPaused, "paused", now_ms);
    std::string gone = std::exchange(gone_early_, {});
    return gone.empty() ? Act::kNone : DomainGone(gone, now_ms);
  }
  Enter(Phase::kResuming, "run", now_ms);
  return Act::kResume;
}

Act LevelMachine::Resumed(const Status& outcome, std::int64_t now_ms) {
  if (phase_ != Phase::kResuming && phase_ != Phase::kRunning) return Act::kNone;
  if (!outcome)
    return Fail(phase_ == Phase::kRunning ? "adopt" : "run", outcome.error().message, now_ms);
  if (std::exchange(stop_pending_, false)) return BeginTearDown(now_ms);
  if (phase_ == Phase::kResuming) Enter(Phase::kBooting, "boot", now_ms);
  std::string gone = std::exchange(gone_early_, {});
  return gone.empty() ? Act::kNone : DomainGone(gone, now_ms);
}

Act LevelMachine::TornDown(const Status& outcome, std::int64_t now_ms) {
  if (phase_ != Phase::kTearingDown) return Act::kNone;
  torn_ = outcome.has_value();
  if (!torn_) {
    Enter(Phase::kFailed, "stop", now_ms);
    status_.reason = "it could not be stopped for certain: " + outcome.error().message;
    return Act::kNone;
  }
  if (std::exchange(restart_, false)) {
    std::string crash = failing_ ? "it is started again: " + fail_reason_ : "";
    Act act = BeginBringUp(false, now_ms);
    status_.reason = crash;
    return act;
  }
  if (std::exchange(failing_, false)) {
    Enter(Phase::kFailed, fail_step_, now_ms);
    status_.reason = fail_reason_;
    return Act::kNone;
  }
  Enter(Phase::kStopped, "", now_ms);
  status_.reason = std::exchange(gone_reason_, {});
  return Act::kNone;
}

bool LevelMachine::Hello(const std::string& boot_id) {
  if (phase_ != Phase::kBooting && phase_ != Phase::kSettling && phase_ != Phase::kRunning &&
      phase_ != Phase::kResuming) {
    return false;
  }
  status_.boot_id = boot_id;
  if (phase_ == Phase::kBooting) {
    phase_ = Phase::kSettling;
    status_.step = "settle";
  }
  return true;
}

void LevelMachine::Ready(std::int64_t now_ms) {
  if (AwaitsHello()) Enter(Phase::kRunning, "", now_ms);
}

void LevelMachine::Unheard(std::uint32_t seconds) {
  if (phase_ != Phase::kRunning) return;
  status_.reason = "its agent has said nothing for " + std::to_string(seconds) +
                   " s: look at its console (bulkhead console), or restart it with "
                   "bulkhead stop --force and bulkhead start";
}

void LevelMachine::Heard() {
  if (phase_ == Phase::kRunning) status_.reason.clear();
}

Act LevelMachine::HelloTimedOut(std::uint32_t seconds, std::int64_t now_ms) {
  if (!AwaitsHello()) return Act::kNone;
  std::string within = " within " + std::to_string(seconds) + " s";
  if (phase_ == Phase::kSettling) {
    return CrashedInBoot(
        "settle",
        "the level's agent said hello but was not ready" + within +
            " of it: look at its console, or give hello-timeout in host.toml more time",
        now_ms);
  }
  return CrashedInBoot("boot",
                       "the level's agent said no hello" + within +
                           ": look at its console (bulkhead console), rebuild its image, or give "
                           "hello-timeout in host.toml more time",
                       now_ms);
}

Act LevelMachine::ShutdownTimedOut(std::int64_t now_ms) {
  return phase_ == Phase::kShuttingDown ? BeginTearDown(now_ms) : Act::kNone;
}

Act LevelMachine::DomainGone(const std::string& reason, std::int64_t now_ms) {
  switch (phase_) {
    case Phase::kShuttingDown:
      return BeginTearDown(now_ms);
    case Phase::kRunning:
      if (reason == "shutdown") {
        // QEMU tells these three apart from nothing else.
        gone_reason_ = "it ended from inside: a shutdown, a reboot or a kernel panic";
        return BeginTearDown(now_ms);
      }
      return Crashed("run",
                     "the virtual machine ended by itself (" + reason +
                         "): see /var/log/libvirt/qemu/ and bulkhead audit tail",
                     now_ms);
    case Phase::kPaused:
    case Phase::kBooting:
    case Phase::kSettling:
      return CrashedInBoot("boot",
                           "the virtual machine ended before its agent was ready (" + reason +
                               "): see its log in /var/log/libvirt/qemu/",
                           now_ms);
    case Phase::kBringingUp:
      // Before this step it can only be the late word of the run before.
      if (status_.step != "domain") return Act::kNone;
      [[fallthrough]];
    case Phase::kResuming:
      gone_early_ = reason.empty() ? "gone" : reason;
      return Act::kNone;
    default:
      // A job is under way and will find out.
      return Act::kNone;
  }
}

Act LevelMachine::FoundDomain(bool domain_runs, bool was_running, bool keep_paused,
                              std::int64_t now_ms) {
  torn_ = false;
  keep_paused_ = keep_paused;
  if (!domain_runs && keep_paused) {
    Enter(Phase::kPaused, "paused", now_ms);
    return Act::kNone;
  }
  if (domain_runs && was_running) {
    Enter(Phase::kRunning, "", now_ms);
  } else {
    Enter(Phase::kResuming, "run", now_ms);
  }
  return Act::kReattach;
}

Act LevelMachine::FoundStranger(const std::string& reason, std::int64_t now_ms) {
  torn_ = false;
  gone_reason_ = reason;
  return BeginTearDown(now_ms);
}

Act LevelMachine::FoundNoDomain(bool was_running, std::int64_t now_ms) {
  torn_ = false;
  if (was_running) {
    return Crashed("run", "the virtual machine ended while hostd was away", now_ms);
  }
  return BeginBringUp(false, now_ms);
}

Act LevelMachine::TryAgain(std::int64_t now_ms) {
  return phase_ == Phase::kFailed && !torn_ ? BeginTearDown(now_ms) : Act::kNone;
}

Act LevelMachine::Isolate(const std::string& step, const std::string& reason, std::int64_t now_ms) {
  if (!Live() || phase_ == Phase::kTearingDown || phase_ == Phase::kFailed) return Act::kNone;
  if (phase_ == Phase::kBringingUp || phase_ == Phase::kResuming) {
    stop_pending_ = true;
    SetFailure(step, reason);
    return Act::kNone;
  }
  return Fail(step, reason, now_ms);
}

}  // namespace bulkhead::hostd
