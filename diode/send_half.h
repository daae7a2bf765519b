// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "diode/frame_scanner.h"
#include "diode/half_args.h"
#include "diode/send_order.h"
#include "diode/spooling.h"
#include "diode/transfer_writer.h"

namespace bulkhead::diode {

/// The sending half: reads a level's port into the spool and writes from the spool into the pipe.
/// The two have nothing to do with each other but the spool: whatever the pipe does, the port is
/// read on, and what has no room is dropped without a word to the level. One thread, one poll loop.
class SendHalf {
 public:
  /// @param spool  has taken over its folder
  SendHalf(const HalfArgs& args, const FixedFds& fds, Spool spool);
  SendHalf(const SendHalf&) = delete;
  SendHalf& operator=(const SendHalf&) = delete;

  /// One turn: waits for at most `longest`, then does what is to do. An error ends the program; its
  /// next start takes the spool over.
  Status RunOnce(std::chrono::milliseconds longest);
  /// Sentences to log.
  std::vector<std::string> TakeNews() { return std::exchange(news_, {}); }

 private:
  Status Admit(const Transfer& transfer);
  void ConnectPort(TimePoint now);
  bool ReadPort(TimePoint now);
  void DropPort(TimePoint now);
  Status OpenPipeAgain(TimePoint now);
  void LosePipe(TimePoint now);
  void WritePipe(TimePoint now);
  bool StartNext();
  void LookAtDrain(TimePoint now);
  Status HearHostd(short revents, TimePoint now);
  [[nodiscard]] int PollTime(TimePoint now, std::chrono::milliseconds longest);

  SocketSlot port_;
  TimePoint port_retry_{};
  FrameScanner scanner_{FrameScanner::Resync::kStreamStartOrBegin};
  bool input_waits_ = false;

  Spooling spooling_;

  bool pipe_open_ = false;
  TimePoint pipe_retry_{};
  TransferWriter writer_;
  SendOrder order_;
  std::optional<std::uint64_t> writing_;

  std::vector<std::string> news_;
};

}  // namespace bulkhead::diode
