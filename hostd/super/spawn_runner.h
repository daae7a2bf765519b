// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <map>
#include <string>

#include "hostd/super/event_loop.h"
#include "hostd/super/supervisor.h"
#include "hostd/super/unit_log.h"

namespace bulkhead::super {

/// Real processes, whose output goes through a pipe each into the bounded log.
class SpawnRunner : public ProcessRunner {
 public:
  /// Both are borrowed and outlive this.
  SpawnRunner(EventLoop* loop, UnitLog* log) : loop_(loop), log_(log) {}
  ~SpawnRunner() override;

  Result<pid_t> Start(const std::string& unit, const ProcessSpec& process) override;
  void Signal(pid_t pid, int signal) override;
  bool Accepts(const std::string& socket) override;

 private:
  void TakeOutput(const std::string& unit);
  void CloseOutput(const std::string& unit);

  EventLoop* loop_;
  UnitLog* log_;
  std::map<std::string, UniqueFd> outputs_;  ///< reading ends, by unit
};

}  // namespace bulkhead::super
