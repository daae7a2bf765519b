// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "hostd/agentd/guest_stream.h"
#include "vmspec/base/frame_queue.h"
#include "vmspec/base/report_messages.h"
#include "vmspec/base/unique_fd.h"

namespace bulkhead::agentd {

/// What may wait for hostd (it restarts) and for the guest (it may never read).
inline constexpr std::size_t kMaxQueuedBytes = 1 << 20;
/// How long a guest may be connected without a hello before hostd is told so and the port is
/// connected anew.
inline constexpr std::chrono::seconds kSilence{30};

/// Joins one level's control port and hostd's report socket. One thread, one poll loop; neither
/// side can make it wait or grow. What hostd must know after its own restart (link, Hello, Ready)
/// is said again on each new connection, so that the guest need not notice.
class Relay {
 public:
  Relay(std::string guest_path, std::string hostd_path,
        std::chrono::milliseconds silence = kSilence);

  /// One turn: waits for at most `longest`, then does what is to do.
  void RunOnce(std::chrono::milliseconds longest);

  /// Sentences to log, each once; at most a few a turn.
  std::vector<std::string> TakeNews() { return std::exchange(news_, {}); }

 private:
  using State = report::AgentLink::State;

  // The guest's side.
  void ConnectGuest(TimePoint now);
  void ReadGuest(TimePoint now);
  void WriteGuest(TimePoint now);
  void DropGuest(State state, std::string reason, TimePoint now);
  /// Tells of a level that says no hello, once, and connects anew: after a flood a port was seen
  /// that stayed deaf until a new host came.
  void EndSilence(TimePoint now);
  [[nodiscard]] bool MayReadGuest(TimePoint now);
  void Forward(const std::vector<control::GuestMessage>& messages);

  // hostd's side.
  void ConnectHostd(TimePoint now);
  void ReadHostd(TimePoint now);
  void WriteHostd(TimePoint now);
  void DropHostd(std::string_view reason, TimePoint now);
  Status TakeFromHostd(ByteView in);
  void TellLink();
  void ReplayTo(TimePoint now);

  [[nodiscard]] std::chrono::milliseconds TimeLeft(TimePoint now,
                                                   std::chrono::milliseconds longest);

  std::string guest_path_;
  std::string hostd_path_;
  std::chrono::milliseconds silence_;

  UniqueFd guest_;
  std::optional<GuestStream> stream_;  ///< while guest_ is valid
  FrameQueue to_guest_{kMaxQueuedBytes};
  TimePoint guest_since_{};
  TimePoint guest_retry_{};
  std::chrono::milliseconds guest_backoff_;
  bool silence_told_ = false;
  State link_ = State::kDown;
  std::string link_reason_;

  UniqueFd hostd_;
  std::optional<FrameReader> hostd_reader_;  ///< while hostd_ is valid
  FrameQueue to_hostd_{kMaxQueuedBytes};
  TimePoint hostd_retry_{};

  std::vector<std::string> news_;
};

}  // namespace bulkhead::agentd
