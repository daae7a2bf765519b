// SPDX-License-Identifier: GPL-2.0-or-later
/// Descriptors that the agent hands to its workers, one per flow or transfer.
#pragma once

namespace bulkhead::agent {

inline constexpr int kPortFd = 3;    ///< the virtio port, non-blocking
inline constexpr int kReportFd = 4;  ///< receive: socket to the agent, for control::Delivered
inline constexpr int kFileFd = 4;    ///< send: the file, read-only
inline constexpr int kClientFd = 5;  ///< send: the connection of bulkhead-send

}  // namespace bulkhead::agent
