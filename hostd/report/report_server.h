// SPDX-License-Identifier: GPL-2.0-or-later
/// The report socket: agentd of each level and both halves of each flow speak to hostd here, one
/// connection each. Protocol: docs/protocols/report.md. Main-loop thread only; never blocks.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "hostd/level/timer.h"
#include "hostd/report/role.h"
#include "vmspec/base/frame_queue.h"
#include "vmspec/base/socket.h"

namespace bulkhead::hostd {

/// What may wait for one speaker that does not read.
inline constexpr std::size_t kMaxQueuedForSpeaker = 1 << 20;

class ReportServer {
 public:
  struct Handlers {
    /// Who has this uid; nothing: the connection is closed.
    std::function<std::optional<Role>(uid_t)> role_of;
    std::function<void(const Role&)> on_up;
    /// An error ends the connection: the speaker broke the protocol.
    std::function<Status(const Role&, const Frame&)> on_frame;
    std::function<void(const Role&, const std::string& why)> on_gone;
  };

  /// Binds `path` anew (a stale socket is replaced), for all to connect: peers are told by uid.
  static Result<std::unique_ptr<ReportServer>> Listen(const std::string& path, Handlers handlers);
  ~ReportServer();
  ReportServer(const ReportServer&) = delete;
  ReportServer& operator=(const ReportServer&) = delete;

  /// Queues a whole frame. False: it is not connected, or reads so little that it was cut off.
  bool Send(const Role& role, Bytes frame);
  [[nodiscard]] bool IsUp(const Role& role) const { return speakers_.contains(role); }

 private:
  struct Speaker;
  ReportServer(UniqueFd listener, Handlers handlers);
  void WatchListener();
  void Accept();
  void Add(UniqueFd fd, Role role);
  /// False when the connection is over.
  bool Read(Speaker& speaker);
  bool TakeFrames(Speaker& speaker, ByteView in);
  void Drop(const Role& role, const std::string& why);
  void Watch(Speaker& speaker);
  void OnReady(Speaker& speaker, unsigned condition);

  UniqueFd listener_;
  unsigned listen_source_ = 0;
  Timer pause_;  ///< until the next attempt, when nobody can be let in
  Handlers handlers_;
  std::map<Role, std::unique_ptr<Speaker>> speakers_;
};

}  // namespace bulkhead::hostd
