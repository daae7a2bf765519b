// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/super/supervisor.h"

#include <sys/wait.h>

#include <algorithm>
#include <csignal>

namespace bulkhead::super {

namespace {

using std::chrono::milliseconds;

/// Starting is fork, namespace, exec: some milliseconds. Between turns requests and deaths are
/// heard.
constexpr int kStartsPerTurn = 16;
constexpr milliseconds kReadyPoll{20};
/// A unit that is not ready by then does not hold up the later ones any longer.
constexpr milliseconds kReadyPatience{15'000};
constexpr milliseconds kNothingDue{60'000};

std::string HowItEnded(int status) {
  if (WIFSIGNALED(status)) return "was ended by signal " + std::to_string(WTERMSIG(status));
  return "ended with status " + std::to_string(WEXITSTATUS(status));
}

milliseconds Since(TimePoint then, TimePoint now) {
  return std::chrono::duration_cast<milliseconds>(now - then);
}

}  // namespace

void Supervisor::Want(UnitSpec spec, TimePoint now) {
  auto [it, added] = units_.try_emplace(spec.name);
  Unit& unit = it->second;
  if (added) {
    unit.spec = std::move(spec);
    unit.due = now;
  } else if (unit.pid == 0) {
    unit.spec = std::move(spec);
    unit.wanted = true;
  } else {
    unit.next = std::move(spec);
    unit.wanted = true;
    Stop(unit, now);
  }
}

void Supervisor::Drop(const std::string& name, TimePoint now) {
  auto it = units_.find(name);
  if (it == units_.end()) return;
  it->second.wanted = false;
  it->second.next.reset();
  if (it->second.pid == 0) {
    units_.erase(it);
  } else {
    Stop(it->second, now);
  }
}

void Supervisor::Stop(Unit& unit, TimePoint now) {
  if (unit.state == State::kStopping) return;
  unit.state = State::kStopping;
  unit.due = now + unit.spec.stop_time;
  runner_->Signal(unit.pid, SIGTERM);
}

void Supervisor::Signal(const std::string& name, int signal) {
  auto unit = units_.find(name);
  bool runs =
      unit != units_.end() && unit->second.pid != 0 && unit->second.state != State::kStopping;
  if (runs) runner_->Signal(unit->second.pid, signal);
}

void Supervisor::StopAll(TimePoint now) {
  stopping_all_ = true;
  std::erase_if(units_, [](const auto& u) { return u.second.pid == 0; });
  StopHighestRank(now);
}

void Supervisor::StopHighestRank(TimePoint now) {
  if (units_.empty()) return;
  auto rank_of = [](const auto& u) { return u.second.spec.rank; };
  Rank highest = rank_of(*std::ranges::max_element(units_, {}, rank_of));
  for (auto& [name, unit] : units_) {
    if (unit.spec.rank == highest) Stop(unit, now);
  }
}

void Supervisor::Turn(TimePoint now) {
  int started = 0;
  Rank open = OpenRank(now);
  auto may_start = [&](const Unit& u) {
    return !stopping_all_ && (u.was_started || u.spec.rank <= open);
  };
  for (auto& [name, unit] : units_) {
    switch (unit.state) {
      case State::kWaiting:
        if (unit.due > now || started == kStartsPerTurn || !may_start(unit)) break;
        Start(unit, now);
        ++started;
        break;
      case State::kStarting:
        if (runner_->Accepts(unit.spec.ready_socket)) BecomeReady(unit);
        break;
      case State::kStopping:
        if (unit.due > now) break;
        news_.emplace_back(name, "does not stop and is killed");
        runner_->Signal(unit.pid, SIGKILL);
        unit.due = now + unit.spec.stop_time;
        break;
      case State::kRunning:
        break;
    }
  }
}

/// At the first start of all, later ranks wait until earlier ones are ready. Restarts wait for
/// none.
Rank Supervisor::OpenRank(TimePoint now) const {
  Rank open = Rank::kHostd;
  for (const auto& [name, unit] : units_) {
    if (unit.was_ready || unit.spec.ready_socket.empty()) continue;
    if (unit.was_started && Since(unit.first_start, now) >= kReadyPatience) continue;
    open = std::min(open, unit.spec.rank);
  }
  return open;
}

void Supervisor::Start(Unit& unit, TimePoint now) {
  if (!unit.was_started) unit.first_start = now;
  unit.was_started = true;
  unit.started = now;
  auto pid = runner_->Start(unit.spec.name, unit.spec.process);
  if (!pid) {
    news_.emplace_back(unit.spec.name, pid.error().message);
    ++unit.restarts;
    return Retry(unit, now);
  }
  unit.pid = *pid;
  by_pid_[*pid] = unit.spec.name;
  unit.state = State::kStarting;
  if (unit.spec.ready_socket.empty()) BecomeReady(unit);
}

void Supervisor::BecomeReady(Unit& unit) {
  unit.state = State::kRunning;
  unit.was_ready = true;
}

void Supervisor::Retry(Unit& unit, TimePoint now) {
  unit.state = State::kWaiting;
  unit.due = now + unit.backoff.Next(Since(unit.started, now));
}

void Supervisor::Reaped(pid_t pid, int wait_status, TimePoint now) {
  auto at = by_pid_.find(pid);
  if (at == by_pid_.end()) return;
  auto it = units_.find(at->second);
  by_pid_.erase(at);
  Unit& unit = it->second;
  unit.pid = 0;
  bool asked = unit.state == State::kStopping;
  if (!asked) news_.emplace_back(unit.spec.name, HowItEnded(wait_status));

  if (stopping_all_ || !unit.wanted) {
    units_.erase(it);
    if (stopping_all_) StopHighestRank(now);
    return;
  }
  ++unit.restarts;
  if (asked) {
    if (unit.next) unit.spec = *std::exchange(unit.next, std::nullopt);
    unit.state = State::kWaiting;
    unit.due = now;
    return;
  }
  Retry(unit, now);
  RestartPartner(unit, now);
}

void Supervisor::RestartPartner(const Unit& unit, TimePoint now) {
  auto it = units_.find(unit.spec.partner);
  if (it == units_.end() || it->second.pid == 0) return;
  news_.emplace_back(it->first, "is started anew together with " + unit.spec.name);
  Stop(it->second, now);
}

milliseconds Supervisor::DueIn(TimePoint now) const {
  TimePoint until = now + kNothingDue;
  Rank open = OpenRank(now);
  for (const auto& [name, unit] : units_) {
    switch (unit.state) {
      case State::kWaiting:
        // One that is held is looked at again when the unit that holds it is.
        if (unit.was_started || unit.spec.rank <= open) until = std::min(until, unit.due);
        break;
      case State::kStarting:
        until = std::min(until, now + kReadyPoll);
        break;
      case State::kStopping:
        until = std::min(until, unit.due);
        break;
      case State::kRunning:
        break;
    }
  }
  return std::max(milliseconds{0}, std::chrono::ceil<milliseconds>(until - now));
}

bool Supervisor::AllReady() const {
  return std::ranges::all_of(units_, [](const auto& u) { return u.second.was_ready; });
}

std::vector<hostd::ServiceStatus> Supervisor::NotReady() const {
  std::vector<hostd::ServiceStatus> out;
  for (const auto& [name, unit] : units_) {
    if (!unit.was_ready) out.push_back({name, unit.pid, unit.restarts});
  }
  return out;
}

std::vector<hostd::ServiceStatus> Supervisor::Status() const {
  std::vector<hostd::ServiceStatus> out;
  for (const auto& [name, unit] : units_) out.push_back({name, unit.pid, unit.restarts});
  return out;
}

std::vector<pid_t> Supervisor::Pids() const {
  std::vector<pid_t> out;
  for (const auto& [pid, name] : by_pid_) out.push_back(pid);
  return out;
}

}  // namespace bulkhead::super
