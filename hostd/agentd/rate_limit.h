// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <algorithm>
#include <chrono>

namespace bulkhead::agentd {

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;

/// A bucket of `burst` tokens that fills at `per_second`. Pure: the caller brings the time.
class RateLimit {
 public:
  RateLimit(double per_second, double burst, TimePoint now)
      : per_second_(per_second), burst_(burst), tokens_(burst), at_(now) {}

  /// Takes `n` when they are there.
  bool TryTake(double n, TimePoint now) {
    Fill(now);
    if (tokens_ < n) return false;
    tokens_ -= n;
    return true;
  }

  /// Takes `n` even on credit: for what has happened already. See DebtFor().
  void Take(double n, TimePoint now) {
    Fill(now);
    tokens_ -= n;
  }

  /// How long until the credit is paid back; zero when there is none.
  [[nodiscard]] std::chrono::milliseconds DebtFor(TimePoint now) {
    Fill(now);
    if (tokens_ >= 0) return std::chrono::milliseconds{0};
    return std::chrono::milliseconds{static_cast<long>(-tokens_ / per_second_ * 1000) + 1};
  }

 private:
  void Fill(TimePoint now) {
    std::chrono::duration<double> passed = now - at_;
    if (passed.count() <= 0) return;
    tokens_ = std::min(burst_, tokens_ + passed.count() * per_second_);
    at_ = now;
  }

  double per_second_;
  double burst_;
  double tokens_;
  TimePoint at_;
};

}  // namespace bulkhead::agentd
