// SPDX-License-Identifier: GPL-2.0-or-later
/// Which programs shall run, and what is due next to make it so. Pure but for ProcessRunner: the
/// caller brings the time and the news of the dead. Main thread only.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "hostd/super/backoff.h"
#include "hostd/super_client.h"
#include "vmspec/base/process_spec.h"

namespace bulkhead::super {

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;

/// Order of starting, lowest first, and the reverse of it of stopping.
enum class Rank : int { kLog, kLibvirt, kBus, kPrivileged, kInstance, kHostd };

/// One program as superd keeps it.
struct UnitSpec {
  std::string name;  ///< "netd", "agentd@low"
  ProcessSpec process;
  Rank rank = Rank::kInstance;
  std::string ready_socket;  ///< accepts connections once it is up; empty: up as soon as started
  std::string partner;       ///< a unit that is started anew when this one dies; may be empty
  std::chrono::milliseconds stop_time{2000};  ///< from SIGTERM to SIGKILL
};

/// The world as the supervisor touches it: processes in production, memory in tests.
class ProcessRunner {
 public:
  virtual ~ProcessRunner() = default;
  virtual Result<pid_t> Start(const std::string& unit, const ProcessSpec& process) = 0;
  virtual void Signal(pid_t pid, int signal) = 0;
  /// Somebody listens on this socket.
  virtual bool Accepts(const std::string& socket) = 0;
};

class Supervisor {
 public:
  /// `runner` is borrowed and outlives this.
  explicit Supervisor(ProcessRunner* runner) : runner_(runner) {}

  /// From now on this unit runs. One of that name that runs already is stopped first.
  void Want(UnitSpec spec, TimePoint now);
  /// It is stopped and forgotten.
  void Drop(const std::string& name, TimePoint now);
  /// Sends the unit's process a signal; nothing when it does not run.
  void Signal(const std::string& name, int signal);
  /// Everything is stopped, rank by rank, hostd first; nothing is started any more.
  void StopAll(TimePoint now);

  /// Does what is due: starts (a few a turn), looks who is ready, kills who does not stop.
  void Turn(TimePoint now);
  /// How long nothing is due.
  [[nodiscard]] std::chrono::milliseconds DueIn(TimePoint now) const;
  /// waitpid() told that `pid` ended. Pids that are no unit's are ignored: adopted orphans.
  void Reaped(pid_t pid, int wait_status, TimePoint now);

  /// No unit is left: after StopAll().
  [[nodiscard]] bool AllGone() const { return units_.empty(); }
  /// Every unit was ready once.
  [[nodiscard]] bool AllReady() const;
  /// Units that were not ready yet, and how often they were started in vain.
  [[nodiscard]] std::vector<hostd::ServiceStatus> NotReady() const;
  [[nodiscard]] std::vector<hostd::ServiceStatus> Status() const;
  [[nodiscard]] std::vector<pid_t> Pids() const;
  /// What happened since the last call, a sentence each: {unit, sentence}.
  std::vector<std::pair<std::string, std::string>> TakeNews() { return std::exchange(news_, {}); }

 private:
  enum class State { kWaiting, kStarting, kRunning, kStopping };
  struct Unit {
    UnitSpec spec;
    std::optional<UnitSpec> next;  ///< takes its place once this process has ended
    bool wanted = true;            ///< kStopping: false forgets it at its end
    State state = State::kWaiting;
    TimePoint due{};  ///< kWaiting: start; kStopping: kill
    TimePoint first_start{};
    TimePoint started{};
    bool was_started = false;
    bool was_ready = false;
    pid_t pid = 0;
    Backoff backoff;
    std::uint32_t restarts = 0;
  };

  void Start(Unit& unit, TimePoint now);
  void Stop(Unit& unit, TimePoint now);
  void Retry(Unit& unit, TimePoint now);
  void BecomeReady(Unit& unit);
  void RestartPartner(const Unit& unit, TimePoint now);
  void StopHighestRank(TimePoint now);
  [[nodiscard]] Rank OpenRank(TimePoint now) const;

  ProcessRunner* runner_;
  std::map<std::string, Unit> units_;
  std::map<pid_t, std::string> by_pid_;
  bool stopping_all_ = false;
  std::vector<std::pair<std::string, std::string>> news_;
};

}  // namespace bulkhead::super
