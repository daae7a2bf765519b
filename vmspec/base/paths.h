// SPDX-License-Identifier: GPL-2.0-or-later
/// Where things lie. One table, so that no daemon spells a path by itself.
#pragma once

#include <string>
#include <string_view>

namespace bulkhead {

/// The three roots; from BULKHEAD_RUN_DIR, BULKHEAD_STATE_DIR, BULKHEAD_CACHE_DIR or the defaults
/// /run/bulkhead, /var/lib/bulkhead, /var/cache/bulkhead. Never a trailing slash.
struct Paths {
  std::string run = "/run/bulkhead";
  std::string state = "/var/lib/bulkhead";
  std::string cache = "/var/cache/bulkhead";

  static Paths FromEnvironment();

  // Sockets of daemons; each lies in a folder of its own that its owner's uid owns.
  [[nodiscard]] std::string BusSocket() const { return run + "/bus/socket"; }
  [[nodiscard]] std::string SuperSocket() const { return run + "/super/socket"; }
  [[nodiscard]] std::string NetdSocket() const { return run + "/netd/socket"; }
  [[nodiscard]] std::string BrokerSocket() const { return run + "/broker/socket"; }
  /// hostd's: agentd and the diode halves report here; SO_PEERCRED says who they are.
  [[nodiscard]] std::string ReportSocket() const { return run + "/hostd/report"; }

  /// Folder (root's, mode 0710, group of the one consumer, who can connect and plant nothing) and
  /// socket that QEMU listens on for one port.
  /// port: "control", "console", "out.FLOW", "in.FLOW".
  [[nodiscard]] std::string ChannelDir(std::string_view level, std::string_view port) const {
    return run + "/channels/" + std::string(level) + "/" + std::string(port);
  }
  [[nodiscard]] std::string ChannelSocket(std::string_view level, std::string_view port) const {
    return ChannelDir(level, port) + "/sock";
  }
  /// The one-way FIFO of a flow: owner = sending half (write only), group = receiving half (read
  /// only).
  [[nodiscard]] std::string FlowPipe(std::string_view flow) const {
    return run + "/flows/" + std::string(flow) + "/pipe";
  }

  [[nodiscard]] std::string HostdState() const { return state + "/hostd"; }
  [[nodiscard]] std::string AuditLog() const { return state + "/hostd/audit.log"; }
  [[nodiscard]] std::string BrokerState() const { return state + "/broker"; }
  [[nodiscard]] std::string LevelDir(std::string_view level) const {
    return state + "/levels/" + std::string(level);
  }
  /// {root.erofs, vmlinuz, initrd.img, manifest.json}
  [[nodiscard]] std::string ImageDir(std::string_view image) const {
    return state + "/images/" + std::string(image);
  }
  /// side: "send" or "receive"; mode 0700, owned by that half.
  [[nodiscard]] std::string FlowSpool(std::string_view flow, std::string_view side) const {
    return state + "/flows/" + std::string(flow) + "/" + std::string(side);
  }
};

}  // namespace bulkhead
