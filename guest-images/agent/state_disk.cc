// SPDX-License-Identifier: GPL-2.0-or-later
#include "guest-images/agent/state_disk.h"

#include <unistd.h>

#include <array>
#include <string_view>

namespace bulkhead::agent {

namespace {
// Layout: Documentation/filesystems/ext4/super.rst of the kernel.
constexpr off_t kSuperblock = 1024;
constexpr std::size_t kMagic = 0x38;  // u16 0xEF53
constexpr std::size_t kState = 0x3A;  // u16, bit 1: errors detected
constexpr std::size_t kLabel = 0x78;  // 16 bytes, zero-padded
constexpr std::size_t kLabelBytes = 16;
}  // namespace

Result<StateDisk> InspectStateDisk(int fd) {
  std::array<unsigned char, 1024> block{};
  ssize_t n = ::pread(fd, block.data(), block.size(), kSuperblock);
  if (n < 0) return FailErrno("read the state disk");
  if (n != static_cast<ssize_t>(block.size())) return StateDisk::kForeign;
  if (block[kMagic] != 0x53 || block[kMagic + 1] != 0xEF) return StateDisk::kForeign;
  std::string_view label(reinterpret_cast<const char*>(block.data()) + kLabel, kLabelBytes);
  if (label.substr(0, label.find('\0')) != kStateLabel) return StateDisk::kForeign;
  return (block[kState] & 2) != 0 ? StateDisk::kDamaged : StateDisk::kOurs;
}

}  // namespace bulkhead::agent
