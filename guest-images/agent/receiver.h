// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "guest-images/agent/inbox.h"
#include "vmspec/base/control_messages.h"

namespace bulkhead::agent {

/// One incoming flow: bytes of its port in, files in the inbox and acknowledgements out. A stream
/// that breaks off, restarts or loses its step voids the file under way and nothing else; the host
/// sends that one again.
class Receiver {
 public:
  Receiver(std::string flow, Inbox inbox) : flow_(std::move(flow)), inbox_(std::move(inbox)) {}

  /// Takes what came; appends one Delivered for each file that is settled.
  void Feed(ByteView in, std::vector<control::Delivered>& out);

 private:
  void Take(const Frame& frame, std::vector<control::Delivered>& out);
  void OnBegin(const transfer::Begin& begin);
  void OnData(const transfer::Data& data);
  void OnEnd(const transfer::End& end, std::vector<control::Delivered>& out);
  void Void();

  std::string flow_;
  Inbox inbox_;
  FrameReader reader_{transfer::kMaxPayload, transfer::StreamStart::kType};
  std::uint64_t skipped_ = 0;
  std::optional<transfer::TransferId> current_;
  bool storing_ = false;  ///< else its bytes are skipped
  std::string refusal_;   ///< why `current_` is not stored; empty when all is well
};

/// `bulkhead-agent receive FLOW FROM HOME IDS-FILE`: serves kPortFd until it is gone, reports on
/// kReportFd.
int ReceiveMain(int argc, char** argv);

}  // namespace bulkhead::agent
