// SPDX-License-Identifier: GPL-2.0-or-later
/// A superd that was killed leaves children that are just ending (they get SIGTERM from the
/// kernel). The next superd must not start beside them, nor take their libvirtd for somebody
/// else's.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <vector>

#include "vmspec/base/error.h"

namespace bulkhead::super {

/// Writes down which children there are: pid and start time, which no later process shares.
Status RecordChildren(const std::string& path, const std::vector<pid_t>& children);

/// Ends those of the record that still live, by SIGTERM and after `patience` by SIGKILL, and waits
/// until they are gone. @return how many there were.
Result<int> EndLeftovers(const std::string& path, std::chrono::milliseconds patience);

}  // namespace bulkhead::super
