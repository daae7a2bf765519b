// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <algorithm>
#include <cstdint>

namespace bulkhead::hostd {

/// How many refusals of one hostile source get an audit record each: a guest that asks for the
/// forbidden all day must not fill the log's disk. Those beyond are counted and told in one record.
/// Pure: the caller brings the time.
class RefusalBudget {
 public:
  static constexpr std::int64_t kBurst = 60;
  static constexpr std::int64_t kRefillMs = 1000;  ///< one more a second

  /// True: record this one, and with it how many were left out since the last.
  bool Take(std::int64_t now_ms) {
    if (at_ms_ == 0) at_ms_ = now_ms;
    std::int64_t more = std::max<std::int64_t>(0, now_ms - at_ms_) / kRefillMs;
    left_ = std::min(kBurst, left_ + more);
    at_ms_ += more * kRefillMs;
    if (left_ == 0) {
      ++left_out_;
      return false;
    }
    --left_;
    return true;
  }
  /// How many were not recorded since this was last asked.
  std::uint64_t TakeLeftOut() {
    std::uint64_t n = left_out_;
    left_out_ = 0;
    return n;
  }

 private:
  std::int64_t at_ms_ = 0;
  std::int64_t left_ = kBurst;
  std::uint64_t left_out_ = 0;
};

}  // namespace bulkhead::hostd
