// SPDX-License-Identifier: GPL-2.0-or-later
/// The rate of this machine's time stamp counter, which TCG passes through to guests.
#pragma once

#include <cstdint>

namespace bulkhead::hostd {

/// kHz, measured once a process (50 ms, up to 200 ms on a busy machine) against
/// CLOCK_MONOTONIC_RAW; thread-safe. 0 if the counter does not run evenly: then a guest is better
/// off measuring by itself.
std::uint32_t HostTscKhz();

}  // namespace bulkhead::hostd
