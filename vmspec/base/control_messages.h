// SPDX-License-Identifier: GPL-2.0-or-later
/// What a level's agent and the host's agentd say to each other on port org.bulkhead.control.
/// Protocol: docs/protocols/control.md. Version 1. Each message is one frame of at most
/// kControlMaxPayload bytes. Decoders are strict: no byte may be left over.
#pragma once

#include <array>
#include <string>
#include <variant>
#include <vector>

#include "vmspec/base/frame.h"

namespace bulkhead::control {

inline constexpr std::uint32_t kProtocolVersion = 1;
inline constexpr std::uint32_t kControlMaxPayload = 65536;
inline constexpr char kPortName[] = "org.bulkhead.control";

// --- guest to host -----------------------------------------------------------------------------

/// First message after the port opens. Also the resynchronisation mark after an agent restart.
struct Hello {
  static constexpr std::uint16_t kType = 1;
  std::uint32_t protocol = kProtocolVersion;
  std::string image;    ///< name of the image, <= 64
  std::string version;  ///< its version (content key), <= 128
  std::string boot_id;  ///< /proc/sys/kernel/random/boot_id, <= 64
};
/// The level is up: settings applied, system running.
struct Ready {
  static constexpr std::uint16_t kType = 2;
};
/// Every 5 s.
struct Health {
  static constexpr std::uint16_t kType = 3;
  std::uint64_t uptime_ms = 0;
  std::uint64_t memory_total_kib = 0;
  std::uint64_t memory_available_kib = 0;
  std::uint32_t load1_milli = 0;
  std::int64_t clock_us = 0;  ///< the guest's idea of the time, microseconds since 1970
};
/// A transfer on an incoming flow is durable at its place in the guest, or could not be stored.
struct Delivered {
  static constexpr std::uint16_t kType = 4;
  std::string flow;  ///< <= 31
  std::array<std::uint8_t, 16> transfer{};
  bool stored = false;
  std::string reason;  ///< when not stored, <= 256
};
/// A user in the guest asked to send where no flow leads. For the audit log only.
struct SendRefused {
  static constexpr std::uint16_t kType = 5;
  std::string to;    ///< <= 64
  std::string name;  ///< <= 255
};
struct RunOutput {
  static constexpr std::uint16_t kType = 6;
  std::uint32_t run = 0;
  std::uint8_t stream = 1;  ///< 1 stdout, 2 stderr
  Bytes data;               ///< <= 32768
};
struct RunExit {
  static constexpr std::uint16_t kType = 7;
  std::uint32_t run = 0;
  std::int32_t status = 0;  ///< exit code, or 128 + signal; 127 when it could not start
};

// --- host to guest -----------------------------------------------------------------------------

struct FlowEnd {
  std::string flow;  ///< port is org.bulkhead.out.FLOW or org.bulkhead.in.FLOW
  std::string peer;  ///< the level at the other end
};
/// Answer to Hello: who the guest is and what it may use. Empty addresses: no network.
struct Welcome {
  static constexpr std::uint16_t kType = 101;
  std::string level;  ///< also the host name
  std::int64_t time_us = 0;
  std::string ipv4;      ///< "10.77.0.6/30"
  std::string gateway4;  ///< "10.77.0.5"
  std::string ipv6;      ///< "fd77::6/126"
  std::string gateway6;
  std::string mac;                ///< of the interface that the addresses are for
  std::vector<FlowEnd> outgoing;  ///< <= 64
  std::vector<FlowEnd> incoming;  ///< <= 64
};
struct Clock {
  static constexpr std::uint16_t kType = 102;
  std::int64_t time_us = 0;
};
struct Shutdown {
  static constexpr std::uint16_t kType = 103;
};
/// Runs a program as `user` ("user" or "root"); stdin is /dev/null.
struct Run {
  static constexpr std::uint16_t kType = 104;
  std::uint32_t run = 0;
  std::string user;
  std::vector<std::string> argv;  ///< 1..64 of <= 4096 bytes
};
/// Kills a program started by Run.
struct RunCancel {
  static constexpr std::uint16_t kType = 105;
  std::uint32_t run = 0;
};

using GuestMessage = std::variant<Hello, Ready, Health, Delivered, SendRefused, RunOutput, RunExit>;
using HostMessage = std::variant<Welcome, Clock, Shutdown, Run, RunCancel>;

Bytes Encode(const GuestMessage& message);  ///< a whole frame
Bytes Encode(const HostMessage& message);
/// kCorrupt with the reason when the frame is no message of this direction.
Result<GuestMessage> DecodeGuest(const Frame& frame);
Result<HostMessage> DecodeHost(const Frame& frame);

}  // namespace bulkhead::control
