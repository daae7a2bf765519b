// SPDX-License-Identifier: GPL-2.0-or-later
/// What agentd and the diode halves tell hostd on its report socket (Paths::ReportSocket), and what
/// it answers. hostd knows the speaker by SO_PEERCRED: a uid is a role (identity.h).
/// Protocol: docs/protocols/report.md.
///
/// agentd speaks the control messages through this socket unchanged: it forwards each *validated*
/// GuestMessage as control::Encode() gives it, and takes HostMessages to hand to the guest. Beside
/// them it sends AgentLink. The diode halves send Decision and get Recorded.
#pragma once

#include <array>
#include <string>
#include <variant>

#include "vmspec/base/frame.h"
#include "vmspec/base/sha256.h"

namespace bulkhead::report {

inline constexpr std::uint32_t kReportMaxPayload = 65536;

/// agentd: the guest's control port came up, went away, or broke the protocol.
struct AgentLink {
  static constexpr std::uint16_t kType = 301;
  enum State : std::uint8_t { kDown = 0, kUp = 1, kProtocolError = 2 };
  std::uint8_t state = kDown;
  std::string reason;  ///< sanitised, <= 256
};

/// A diode half is about to act. hostd writes the audit record and answers Recorded{serial};
/// only then does the half act (I7). Refusals wait for no answer.
struct Decision {
  static constexpr std::uint16_t kType = 310;
  enum Verdict : std::uint8_t {
    kAccepted = 1,    ///< send half: goes into the pipe
    kRefused = 2,     ///< either half: dropped, `reason` says why
    kPublished = 3,   ///< receive half: whole, verified, durable in the spool
    kHandedOver = 4,  ///< receive half: all bytes written to the receiving level's port
  };
  std::uint64_t serial = 0;  ///< chosen by the sender of this message, echoed by Recorded
  std::uint8_t verdict = 0;
  std::array<std::uint8_t, 16> transfer{};
  std::string name;  ///< hostile; <= 1024 (already Printable)
  std::uint64_t size = 0;
  Sha256Digest sha256{};
  std::string reason;  ///< <= 256
};
struct Recorded {
  static constexpr std::uint16_t kType = 311;
  std::uint64_t serial = 0;
};
/// hostd to a receive half: the level's agent is ready; (re)connect and send all that is
/// undelivered.
struct GuestReady {
  static constexpr std::uint16_t kType = 312;
};
/// hostd to a receive half: the agent has stored this transfer (or refused it for good): drop it.
struct Settled {
  static constexpr std::uint16_t kType = 313;
  std::array<std::uint8_t, 16> transfer{};
};

using ToHostd = std::variant<AgentLink, Decision>;
using FromHostd = std::variant<Recorded, GuestReady, Settled>;

Bytes Encode(const ToHostd& message);
Bytes Encode(const FromHostd& message);
Result<ToHostd> DecodeToHostd(const Frame& frame);
Result<FromHostd> DecodeFromHostd(const Frame& frame);

}  // namespace bulkhead::report
