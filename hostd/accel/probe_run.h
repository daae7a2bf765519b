// SPDX-License-Identifier: GPL-2.0-or-later
/// One QEMU process with one probe guest, from start to end.
#pragma once

#include <chrono>
#include <string>

#include "vmspec/base/codec.h"
#include "vmspec/base/error.h"

namespace bulkhead::hostd {

struct ProbeRun {
  bool timed_out = false;  ///< killed at the deadline
  int exit_status = -1;    ///< when it exited by itself; -1: by a signal
  Bytes output;            ///< what the guest wrote to the debug port, at most 64 bytes
  std::string last_line;   ///< of what QEMU said to stderr; printable, may be empty
};

/// Runs `qemu` (absolute path), as the caller's uid, with `rom` as its firmware. Blocks until it
/// has ended, at most `deadline`; no process stays.
/// @param accel  "kvm" or "tcg"
/// @param cpu    QEMU's word for the processor: "host", "max"
/// Errors: kNotFound, kPermission, kIo when QEMU could not be started at all.
Result<ProbeRun> RunProbeGuest(const std::string& qemu, const std::string& accel,
                               const std::string& cpu, const Bytes& rom,
                               std::chrono::milliseconds deadline);

}  // namespace bulkhead::hostd
