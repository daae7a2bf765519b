// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "guest-images/agent/guest_system.h"
#include "guest-images/agent/poll_set.h"
#include "guest-images/agent/send_messages.h"
#include "vmspec/base/process_spec.h"
#include "vmspec/base/socket.h"

namespace bulkhead::agent {

/// Where users of the level hand in files for other levels. Anybody in the level may connect and
/// say anything; a file comes as an open descriptor, so that the agent opens nothing for anybody.
/// One transfer at a time on each flow, each by a worker without privileges; others queue.
class SendDesk {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  static Result<SendDesk> Create(GuestSystem& system, std::string program,
                                 const std::string& socket_path);
  SendDesk(SendDesk&&) = default;
  ~SendDesk();

  /// This level's name and the flows that lead out of it.
  void Set(std::string level, const std::vector<control::FlowEnd>& outgoing);

  void AddWishes(PollSet& set) const;
  void Handle(const PollSet& set, TimePoint now, std::vector<control::GuestMessage>& out);
  /// Something has to be looked at again soon: a request has not come, a port is busy.
  [[nodiscard]] bool waiting() const;

 private:
  static constexpr std::size_t kMaxClients = 16;  ///< that have not said yet what they want
  static constexpr std::size_t kMaxQueue = 16;    ///< for each flow

  struct Client {
    FrameSocket socket;
    TimePoint until;
  };
  struct Job {
    UniqueFd client;
    UniqueFd file;
    std::string name;
  };
  struct Line {
    std::deque<Job> queue;
    Child child;
    bool torn = true;  ///< the last worker may have left a frame unfinished
  };

  SendDesk(GuestSystem& system, std::string program, UniqueFd listener)
      : system_(&system), program_(std::move(program)), listener_(std::move(listener)) {}

  void Accept(TimePoint now);
  void Hear(Client client, TimePoint now, std::vector<control::GuestMessage>& out);
  /// kRefused: policy or name. Others: cannot be sent now.
  Status Admit(const SendRequest& request, std::vector<UniqueFd>& fds, std::string& flow);
  void Tell(const UniqueFd& client, std::uint8_t code, const std::string& sentence) const;
  void NoteRefusal(const SendRequest& request, TimePoint now,
                   std::vector<control::GuestMessage>& out);
  void Tend(const std::string& flow, Line& line);
  Status StartWorker(const std::string& flow, Line& line);
  static void Reap(Line& line);

  GuestSystem* system_;
  std::string program_;
  UniqueFd listener_;
  std::string level_ = "this level";
  std::map<std::string, std::string> flow_to_;  ///< peer -> flow
  std::vector<Client> clients_;
  std::map<std::string, Line> lines_;  ///< by flow
  TimePoint refusal_second_{};
  int refusals_ = 0;
};

}  // namespace bulkhead::agent
