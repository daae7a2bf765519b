// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "guest-images/agent/guest_system.h"
#include "guest-images/agent/poll_set.h"
#include "guest-images/agent/run_table.h"
#include "vmspec/base/process_spec.h"

namespace bulkhead::agent {

/// The workers of the incoming flows: each a process without privileges, as the level's user, that
/// alone reads its port. The agent opens the port for it, starts it again when it ends, and passes
/// on what it reports.
class InFlows {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  /// @param program  bulkhead-agent
  /// @param ids_folder  owned by the user; holds the ids of stored transfers, one file a flow
  InFlows(GuestSystem& system, std::string program, LevelUser user, std::string ids_folder)
      : system_(system),
        program_(std::move(program)),
        user_(std::move(user)),
        ids_folder_(std::move(ids_folder)) {}
  ~InFlows() { Set({}); }

  /// The flows that lead here from now on. Workers of others are ended; those that stay go on.
  void Set(const std::vector<control::FlowEnd>& incoming);
  /// Starts what should run and does not.
  void Tend(TimePoint now);

  void AddWishes(PollSet& set) const;
  void Handle(const PollSet& set, TimePoint now, std::vector<control::GuestMessage>& out);
  /// Some worker waits to be started.
  [[nodiscard]] bool waiting() const;

 private:
  struct Worker {
    std::string from;
    Child child;  ///< pid -1: does not run
    UniqueFd reports;
    FrameReader reader{control::kControlMaxPayload};
    TimePoint start_at{};
  };
  Status Start(const std::string& flow, Worker& worker);
  static void Stop(Worker& worker);
  /// false: the worker is gone.
  static bool ReadReports(const std::string& flow, Worker& worker,
                          std::vector<control::GuestMessage>& out);

  GuestSystem& system_;
  std::string program_;
  LevelUser user_;
  std::string ids_folder_;
  std::map<std::string, Worker> workers_;
};

/// A level's or flow's name as the specification allows it.
bool IsPlainName(std::string_view name);

}  // namespace bulkhead::agent
