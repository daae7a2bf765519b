// SPDX-License-Identifier: GPL-2.0-or-later
/// What people and programs see of a level: GetLevel and LevelChanged of org.bulkhead.Host1.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "hostd/level/level_status.h"
#include "vmspec/model.h"

namespace bulkhead::hostd {

/// What was measured last, while it ran. Zero: not known.
struct Measures {
  std::string accel;
  std::uint64_t memory_used_mib = 0;
  std::uint32_t cpu_percent = 0;  ///< of one CPU
  std::int64_t clock_offset_ms = 0;
  std::set<std::string> devices;
  // For the next cpu_percent.
  std::uint64_t cpu_time_ns = 0;
  std::int64_t sampled_us = 0;
};

struct LevelView {
  std::string name;
  std::string title;
  int rank = 0;
  std::string label;  ///< "Public (0)"
  std::string colour;
  std::uint32_t vcpus = 0;
  std::uint32_t memory_mib = 0;
  std::string uplink;
  std::string image;
  std::uint32_t uid = 0;
  LevelStatus status;
  Measures measures;
  /// What of the set in force it was started without: it takes effect at its next start.
  std::vector<std::string> restart_needed;
};

}  // namespace bulkhead::hostd
