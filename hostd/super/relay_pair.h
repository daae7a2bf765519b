// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "vmspec/base/unique_fd.h"

namespace bulkhead::super {

/// One direction of one relayed connection: a buffer, and the descriptors that came with its bytes.
class RelayLane {
 public:
  /// Room for another read.
  [[nodiscard]] bool WantsInput() const { return size_ == 0 && !ended_; }
  [[nodiscard]] bool WantsOutput() const { return sent_ < size_; }
  /// Reads once from `fd`. False: the sender is done, or is no more.
  bool Read(int fd);
  /// Writes what `fd` takes now. False: the receiver is no more.
  bool Write(int fd);
  [[nodiscard]] bool ended() const { return ended_ && size_ == 0; }

 private:
  bool WriteBytes(int fd, std::size_t count, bool with_fds);

  std::array<std::uint8_t, 65536> buffer_;
  std::size_t size_ = 0;
  std::size_t sent_ = 0;
  bool ended_ = false;
  std::vector<UniqueFd> fds_;
};

/// hostd's connection to us and ours to libvirt.
struct RelayPair {
  UniqueFd client;
  UniqueFd libvirt;
  RelayLane up;    ///< client to libvirt
  RelayLane down;  ///< libvirt to client
};

}  // namespace bulkhead::super
