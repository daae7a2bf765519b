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

Moment Now() {
  timespec t{};
  ::clock_gettime(CLOCK_MONOTONIC_RAW, &t);
  return {__rdtsc(), t.tv_sec * 1'000'000'000LL + t.tv_nsec};
}

std::int64_t Khz(const Moment& from, const Moment& to) {
  return static_cast<std::int64_t>(to.tsc - from.tsc) * 1000 / ((to.ns - from.ns) / 1000);
}

std::uint32_t Measure() {
  const timespec half{0, 25'000'000};
  Moment start = Now();
  ::nanosleep(&half, nullptr);
  Moment middle = Now();
  ::nanosleep(&half, nullptr);
  Moment end = Now();
  std::int64_t first = Khz(start, middle);
  std::int64_t second = Khz(middle, end);
  if (first <= 0 || std::abs(first - second) > first / 100) return 0;
  return static_cast<std::uint32_t>(Khz(start, end));
}

}  // namespace

std::uint32_t HostTscKhz() {
  static const std::uint32_t khz = Measure();
  return khz;
}

}  // namespace bulkhead::hostd
