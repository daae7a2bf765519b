// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "guest-images/agent/control_link.h"
#include "guest-images/agent/guest_system.h"
#include "guest-images/agent/in_flows.h"
#include "guest-images/agent/run_table.h"
#include "guest-images/agent/send_desk.h"

namespace bulkhead::agent {

struct AgentConfig {
  std::string program;  ///< absolute path of bulkhead-agent, to start workers from
  std::string send_socket = kSendSocket;
  std::string ids_folder = "/var/lib/bulkhead/in";
  LevelUser user;
};

/// The guest's end of everything: says hello, applies what the host answers, says ready, and serves
/// until the level goes down. One thread, one poll loop that never waits for anybody; whatever can
/// be slow or reads foreign bytes (files in and out, programs) is a process of its own.
class Agent {
 public:
  static Result<std::unique_ptr<Agent>> Create(GuestSystem& system, AgentConfig config);

  /// One turn: waits for at most `longest`, then does what is to do.
  /// @param sigio_fd  signalfd for SIGIO, or -1
  void RunOnce(std::chrono::milliseconds longest, int sigio_fd = -1);

  /// Sentences to log, each once.
  std::vector<std::string> TakeNews() { return std::exchange(news_, {}); }

 private:
  Agent(GuestSystem& system, AgentConfig config, SendDesk desk);

  void OpenControl(TimePoint now);
  void Obey(const control::HostMessage& message);
  void OnWelcome(const control::Welcome& welcome);
  /// Applies what is left of the Welcome, and says Ready when nothing is and the system is up.
  void Settle(TimePoint now);
  bool ApplyNetwork(TimePoint now);
  void TellHealth(TimePoint now);
  void Note(const Status& status);
  [[nodiscard]] std::chrono::milliseconds PollTime(TimePoint now,
                                                   std::chrono::milliseconds longest) const;

  GuestSystem* system_;
  ControlLink link_;
  RunTable runs_;
  SendDesk desk_;
  InFlows in_flows_;

  std::optional<control::Welcome> network_;  ///< still to be applied
  bool ready_said_ = false;
  TimePoint network_at_{};
  TimePoint health_at_{};
  std::vector<std::string> news_;
  std::string last_news_;
};

}  // namespace bulkhead::agent
