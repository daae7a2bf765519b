// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <algorithm>
#include <chrono>

namespace bulkhead::super {

/// How long to wait before a program that died is started again: not at all at first, then 250 ms
/// doubling to 5 s; a program that was up for 10 s starts with a clean sheet.
class Backoff {
 public:
  using Duration = std::chrono::milliseconds;

  Duration Next(Duration was_up) {
    if (was_up >= kForgiven) next_ = Duration{0};
    Duration wait = next_;
    next_ = wait.count() == 0 ? kFirst : std::min(wait * 2, kLongest);
    return wait;
  }

 private:
  static constexpr Duration kFirst{250};
  static constexpr Duration kLongest{5000};
  static constexpr Duration kForgiven{10'000};
  Duration next_{0};
};

}  // namespace bulkhead::super
