// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <chrono>
#include <functional>
#include <list>
#include <string>
#include <vector>

#include "device-broker/broker.h"
#include "device-broker/broker_protocol.h"
#include "vmspec/base/frame.h"
#include "vmspec/base/unique_fd.h"

namespace bulkhead::broker {

/// An answer and the descriptor that goes with it, if any.
struct Served {
  Answer answer;
  UniqueFd fd;
};
/// One decoded request to its answer: whatever fails is in the answer.
Served Serve(Broker& broker, const Request& request);

/// Takes connections, reads one request from each, answers, closes. Whoever is neither hostd nor
/// root gets a refusal and is not read from. One that dawdles holds up nobody else.
class BrokerdServer {
 public:
  static constexpr std::size_t kMaxConnections = 8;
  static constexpr std::chrono::milliseconds kRequestDeadline{5000};
  static constexpr std::chrono::milliseconds kAnswerDeadline{2000};

  /// @param log  gets what a log should say: refused peers, frames that are no request
  BrokerdServer(UniqueFd listener, Broker& broker, std::function<void(const std::string&)> log)
      : listener_(std::move(listener)), broker_(broker), log_(std::move(log)) {}

  /// Waits for one event or deadline, and serves what is ready.
  Status RunOnce();

 private:
  using Clock = std::chrono::steady_clock;
  struct Connection {
    UniqueFd fd;
    FrameReader reader{kMaxRequestPayload};
    Clock::time_point until;
  };
  enum class Progress : std::uint8_t { kWaiting, kFinished };

  [[nodiscard]] int PollTimeout() const;
  void Accept();
  Progress Read(Connection& connection);
  Progress Answered(const Connection& connection, const Frame& frame);
  Progress Refuse(const Connection& connection, const Error& error);

  UniqueFd listener_;
  Broker& broker_;
  std::function<void(const std::string&)> log_;
  std::list<Connection> connections_;
};

}  // namespace bulkhead::broker
