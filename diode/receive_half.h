// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <chrono>
#include <deque>
#include <string>
#include <vector>

#include "diode/frame_scanner.h"
#include "diode/half_args.h"
#include "diode/seen_ids.h"
#include "diode/spooling.h"
#include "diode/transfer_writer.h"

namespace bulkhead::diode {

/// The receiving half: reads the pipe into the spool, believing nothing, and writes published
/// transfers to the receiving level's port whenever hostd says that the agent there is ready. A
/// level that does not read holds up nobody but the pipe. One thread, one poll loop.
class ReceiveHalf {
 public:
  /// @param spool, seen  have taken over their folder; the pipe is open at kPipeFd
  ReceiveHalf(const HalfArgs& args, const FixedFds& fds, Spool spool, SeenIds seen);
  ReceiveHalf(const ReceiveHalf&) = delete;
  ReceiveHalf& operator=(const ReceiveHalf&) = delete;

  /// As SendHalf::RunOnce().
  Status RunOnce(std::chrono::milliseconds longest);
  std::vector<std::string> TakeNews() { return std::exchange(news_, {}); }

 private:
  enum class Verdict { kTake, kWait, kSkip };

  [[nodiscard]] bool MayReadPipe(TimePoint now) const { return !waiting_ && now >= pipe_at_; }
  bool ReadPipe(TimePoint now);
  void EndOfPipe(TimePoint now);
  void Consider(const FrameView& frame, TimePoint now);
  Verdict Judge(const FrameView& frame);
  Status HearHostd(short revents, TimePoint now);
  Status Publish(const std::vector<std::uint64_t>& recorded);
  void GuestIsReady(TimePoint now);
  void Settled(const transfer::TransferId& id);
  void ConnectPort(TimePoint now);
  void DropPort();
  void WritePort();
  bool StartNext();
  [[nodiscard]] int PollTime(TimePoint now, std::chrono::milliseconds longest);

  Spooling spooling_;
  SeenIds seen_;
  std::uint64_t max_file_bytes_;

  FrameScanner scanner_{FrameScanner::Resync::kStreamStart};
  std::optional<FrameView> waiting_;  ///< a Begin for which there is no room yet
  TimePoint pipe_at_{};               ///< the pipe has no writer: look again then
  bool input_waits_ = false;

  SocketSlot port_;
  bool want_port_ = false;
  TimePoint port_retry_{};
  TransferWriter writer_;
  std::deque<std::uint64_t> to_deliver_;
  std::optional<Transfer> delivering_;

  std::vector<std::string> news_;
};

}  // namespace bulkhead::diode
