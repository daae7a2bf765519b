// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <vector>

#include "device-broker/medium.h"
#include "vmspec/base/error.h"
#include "vmspec/base/unique_fd.h"

namespace bulkhead::broker {

/// Where devices of one class come from: the kernel in production, memory in tests. One thread.
class DeviceSource {
 public:
  virtual ~DeviceSource() = default;

  /// What could be lent now, by id; what the host uses is in it, with the reason.
  [[nodiscard]] virtual Result<std::vector<Medium>> Enumerate() = 0;

  /// Opens `medium` for a level: read-only unless `write`, with the kernel's exclusive claim, which
  /// lasts until the last copy of the descriptor is closed.
  ///   kBusy         somebody holds the claim: a mount, swap, a volume manager, another lease.
  ///   kConflict     what is there now is not `medium`.
  ///   kRefused      `write`, and the medium is write-protected.
  ///   kUnavailable  no medium in the drive, or it went away.
  [[nodiscard]] virtual Result<UniqueFd> Claim(const Medium& medium, bool write) = 0;
};

}  // namespace bulkhead::broker
