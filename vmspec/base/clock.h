// SPDX-License-Identifier: GPL-2.0-or-later
/// The clock that people set, since 1970.
#pragma once

#include <chrono>
#include <cstdint>

namespace bulkhead {

inline std::int64_t UnixUs() {
  auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}
inline std::int64_t UnixMs() { return UnixUs() / 1000; }
inline std::int64_t UnixS() { return UnixUs() / 1'000'000; }

}  // namespace bulkhead
