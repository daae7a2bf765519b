// SPDX-License-Identifier: GPL-2.0-or-later
/// UNIX stream sockets that carry frames, and file descriptors beside them, between our own
/// daemons.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <vector>

#include "vmspec/base/frame.h"
#include "vmspec/base/unique_fd.h"

namespace bulkhead {

struct PeerCredentials {
  pid_t pid = 0;
  uid_t uid = 0;
  gid_t gid = 0;
};

/// Binds and listens on `path` (a stale socket is replaced), mode as given, CLOEXEC, non-blocking.
Result<UniqueFd> ListenUnix(const std::string& path, mode_t mode);
/// Connects, CLOEXEC, blocking. kUnavailable when nobody listens.
Result<UniqueFd> ConnectUnix(const std::string& path);
/// As ConnectUnix, but never waits, not even for a listener whose queue is full (kUnavailable); the
/// socket stays non-blocking. For event loops.
Result<UniqueFd> ConnectUnixNow(const std::string& path);
/// Accepts one; an invalid fd when none waits.
Result<UniqueFd> AcceptUnix(int listen_fd);
/// Who is at the other end, as the kernel saw it at connect time (SO_PEERCRED).
Result<PeerCredentials> PeerOf(int fd);

/// Writes all of `bytes` within `deadline`. Descriptors travel with the first byte.
/// kTimeout or kUnavailable leave the stream unusable: close it.
Status WriteAll(int fd, ByteView bytes, std::chrono::milliseconds deadline,
                const std::vector<int>& fds = {});

struct ReceivedFrame {
  Frame frame;
  std::vector<UniqueFd> fds;  ///< at most 4; a peer that sends more is a fault
};

/// Request and answer over a connected socket it owns. Blocking with a deadline: for clients and
/// small daemons. Any error leaves the connection unusable.
class FrameSocket {
 public:
  FrameSocket(UniqueFd fd, std::uint32_t max_payload) : fd_(std::move(fd)), reader_(max_payload) {}
  Status Send(std::uint16_t type, ByteView payload, std::chrono::milliseconds deadline,
              const std::vector<int>& fds = {});
  /// kUnavailable at end of stream, kTimeout, kCorrupt.
  /// Descriptors are those that came with the frame's own bytes, never with the next one's.
  Result<ReceivedFrame> Receive(std::chrono::milliseconds deadline);
  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  Status TakeSome();

  UniqueFd fd_;
  FrameReader reader_;
  std::vector<UniqueFd> fds_;
};

}  // namespace bulkhead
