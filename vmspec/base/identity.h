// SPDX-License-Identifier: GPL-2.0-or-later
/// Numeric identities of processes. No line in /etc/passwd is needed: the numbers lie in a range
/// that no distribution, container manager or directory service hands out (see
/// docs/architecture.md).
#pragma once

#include <sys/types.h>

#include <cstdint>

namespace bulkhead {

inline constexpr uid_t kUidBase = 1'879'100'000;
inline constexpr uid_t kUidHostd = kUidBase + 1;
inline constexpr uid_t kUidNetd = kUidBase + 2;
inline constexpr uid_t kUidBroker = kUidBase + 3;
inline constexpr uid_t kUidBus =
    kUidBase + 4;  ///< the private dbus-daemon of a machine without one
inline constexpr std::uint32_t kMaxLevelIndex = 4095;
inline constexpr std::uint32_t kMaxFlowIndex = 16'383;

/// QEMU of the level with this index (1..kMaxLevelIndex); gid is the same number. A process that
/// connects to a channel of the level has this gid as a supplementary group.
constexpr uid_t LevelUid(std::uint32_t index) { return kUidBase + 10'000 + index; }
/// agentd of the level.
constexpr uid_t AgentdUid(std::uint32_t index) { return kUidBase + 20'000 + index; }
/// The two halves of a flow with this index (1..kMaxFlowIndex).
constexpr uid_t DiodeSendUid(std::uint32_t index) { return kUidBase + 30'000 + index; }
constexpr uid_t DiodeReceiveUid(std::uint32_t index) { return kUidBase + 50'000 + index; }

}  // namespace bulkhead
