// SPDX-License-Identifier: GPL-2.0-or-later
/// The smallest guest that proves an accelerator: a firmware ROM of our own, which goes from real
/// mode through protected to long mode with paging, reads a challenge, computes for a while, fills
/// and reads back 32 MiB of memory, and writes the answer to the debug port. It needs no kernel, no
/// BIOS and no file of the distribution. Pure; any thread.
///
/// It works for a while (2^27 rounds, 0.1 s) because there are hosts, nested ones above all, whose
/// KVM opens and enters a guest but executes a million instructions a second: levels hang there.
#pragma once

#include <array>
#include <cstdint>

#include "vmspec/base/codec.h"

namespace bulkhead::hostd {

using ProbeChallenge = std::array<std::uint8_t, 32>;

/// Exit status of QEMU when the guest has come to its end: isa-debug-exit makes 2 * value + 1.
inline constexpr int kProbeExitStatus = 2 * 0x21 + 1;
/// Memory that the guest needs.
inline constexpr int kProbeMemoryMiB = 64;

/// What -bios takes; 64 KiB.
Bytes ProbeRom(const ProbeChallenge& challenge);
/// The 8 bytes that the guest writes to port 0xE9.
std::array<std::uint8_t, 8> ProbeAnswer(const ProbeChallenge& challenge);

}  // namespace bulkhead::hostd
