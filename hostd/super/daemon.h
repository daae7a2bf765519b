// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "hostd/super/event_loop.h"
#include "hostd/super/instance_set.h"
#include "hostd/super/request_server.h"
#include "hostd/super/spawn_runner.h"

namespace bulkhead::super {

/// The running service manager: prepares the machine, starts the services, serves hostd, reaps, and
/// ends when told by SIGTERM or SIGINT. One a process; the lock is the caller's.
class Daemon {
 public:
  /// Told once: empty when all services are up, else which is not, why, and where to look.
  using Announce = std::function<void(const std::string& failure)>;

  static Result<std::unique_ptr<Daemon>> Create(Site site);

  /// Until a signal ends it and all children are gone.
  void Run(const Announce& announce);

 private:
  Daemon(Site site, EventLoop loop, UniqueFd signals, UniqueFd devices);
  Status Begin();
  Status PrepareMachine();
  Status ListenForRelay();
  Status WatchSignals();
  void TakeSignals();
  void WatchDevices();
  void TakeDevices();
  void Reap();
  void LetLevelsUseKvm();
  Answer AnswerTo(const Request& request);
  void AfterTurn();
  void RefreshBus();
  void AnnounceWhenKnown(const Announce& announce);
  [[nodiscard]] std::string WhyNotReady() const;

  Site site_;
  EventLoop loop_;
  UniqueFd signals_;
  UniqueFd devices_;  ///< inotify of /dev, where no udev runs
  UniqueFd relay_listener_;
  UnitLog log_;
  SpawnRunner runner_;
  Supervisor supervisor_;
  InstanceSet instances_;
  BusUsers bus_users_;
  std::unique_ptr<RequestServer> server_;
  std::vector<pid_t> recorded_;
  TimePoint begun_;
  bool announced_ = false;
  bool stopping_ = false;
};

}  // namespace bulkhead::super
