// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/libvirt/tsc.h"

#include <time.h>
#include <x86intrin.h>

#include <cstdlib>

namespace bulkhead::hostd {

namespace {

struct Moment {
  std::uint64_t tsc;
  std::int64_t ns;
};

/// Both clocks at one moment: of several tries the one that was least interrupted.
Moment Now() {
  Moment best{};
  std::uint64_t shortest = UINT64_MAX;
  for (int i = 0; i < 16; ++i) {
    timespec t{};
    std::uint64_t before = __rdtsc();
    ::clock_gettime(CLOCK_MONOTONIC_RAW, &t);
    std::uint64_t took = __rdtsc() - before;
    if (took >= shortest) continue;
    shortest = took;
    best = {before + took / 2, t.tv_sec * 1'000'000'000LL + t.tv_nsec};
  }
  return best;
}

std::int64_t Khz(const Moment& from, const Moment& to) {
  return static_cast<std::int64_t>(to.tsc - from.tsc) * 1000 / ((to.ns - from.ns) / 1000);
}

/// 0 unless two halves of the time agree to 0.1 %.
std::uint32_t Measure() {
  const timespec half{0, 25'000'000};
  Moment start = Now();
  ::nanosleep(&half, nullptr);
  Moment middle = Now();
  ::nanosleep(&half, nullptr);
  Moment end = Now();
  std::int64_t first = Khz(start, middle);
  std::int64_t second = Khz(middle, end);
  if (first <= 0 || std::abs(first - second) > first / 1000) return 0;
  return static_cast<std::uint32_t>(Khz(start, end));
}

std::uint32_t MeasureSomeTimes() {
  for (int i = 0; i < 4; ++i) {
    if (std::uint32_t khz = Measure(); khz != 0) return khz;
  }
  return 0;
}

}  // namespace

std::uint32_t HostTscKhz() {
  static const std::uint32_t khz = MeasureSomeTimes();
  return khz;
}

}  // namespace bulkhead::hostd
