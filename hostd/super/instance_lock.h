// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>

#include "vmspec/base/error.h"
#include "vmspec/base/unique_fd.h"

namespace bulkhead::super {

/// There is one superd a run folder: it holds flock on run/super/lock, which also carries its pid.
/// kExists when another holds it; the message names its pid.
Result<UniqueFd> TakeLock(const std::string& path);

/// The running superd, as a descriptor that cannot come to mean another process; none when none
/// runs.
Result<std::optional<UniqueFd>> FindRunning(const std::string& path);

/// Ends the running superd and waits until it is gone, which is when all it started is.
/// kTimeout when it takes longer; kNotFound when none runs.
Status StopRunning(const std::string& path, std::chrono::milliseconds longest);

}  // namespace bulkhead::super
