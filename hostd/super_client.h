// SPDX-License-Identifier: GPL-2.0-or-later
/// Talking to bulkhead-superd, the bare-machine service manager (where systemd is PID 1, template
/// units take its place). It starts nothing but what its own table allows; hostd names instances.
/// Blocking with deadlines; each call connects anew. Only uid kUidHostd and root are served.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "vmspec/base/error.h"

namespace bulkhead::hostd {

/// One desired instance. superd makes its folders and uid, starts it, restarts it when it dies.
struct ServiceInstance {
  enum class Kind : std::uint8_t { kAgentd = 1, kDiodeSend = 2, kDiodeReceive = 3 } kind;
  std::string name;         ///< level (agentd) or flow (diode halves)
  std::uint32_t index = 0;  ///< level or flow index: the uid follows from it
  std::string level;        ///< the level whose channel it opens
  std::uint32_t level_index = 0;
  std::string peer_level;            ///< diode: the other level
  std::uint64_t max_file_bytes = 0;  ///< diode
  std::uint64_t quota_bytes = 0;
  std::uint32_t max_files = 0;
  friend bool operator==(const ServiceInstance&, const ServiceInstance&) = default;
};

struct ServiceStatus {
  std::string unit;      ///< "netd", "agentd@low", "diode-send@up"
  std::int32_t pid = 0;  ///< 0: not running
  std::uint32_t restarts = 0;
};

class SuperClient {
 public:
  explicit SuperClient(std::string socket_path) : socket_path_(std::move(socket_path)) {}

  /// Makes exactly these instances the running ones: missing ones are started (their folders made
  /// first: Paths::ChannelDir, FlowPipe, FlowSpool), others stopped. Idempotent; unchanged ones are
  /// not touched. Also makes ChannelDir(level, "console") for hostd itself.
  Status SetInstances(const std::vector<ServiceInstance>& instances);
  Result<std::vector<ServiceStatus>> GetStatus();

 private:
  std::string socket_path_;
};

}  // namespace bulkhead::hostd
