// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "vmspec/base/error.h"

namespace bulkhead::agent {

inline constexpr char kStateLabel[] = "bulkhead-state";

enum class StateDisk {
  kForeign,  ///< blank, or no ext4 file system with our label: to be formatted
  kOurs,
  kDamaged,  ///< ours, and the kernel has noted errors in it: to be checked
};

/// Reads the ext4 superblock of the disk open as `fd`. kIo when it cannot be read.
Result<StateDisk> InspectStateDisk(int fd);

}  // namespace bulkhead::agent
