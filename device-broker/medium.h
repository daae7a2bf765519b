// SPDX-License-Identifier: GPL-2.0-or-later
/// A device that could be lent, as its source sees it now. Plain values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace bulkhead::broker {

/// What makes it this medium and no other: a stick that was pulled and replaced, or a loop device
/// with another file in it, differs.
struct MediumIdentity {
  std::string path;  ///< "/dev/loop0"
  std::uint32_t major = 0;
  std::uint32_t minor = 0;
  std::uint64_t diskseq = 0;  ///< the kernel's count of media since it booted; 0: it has none
  std::string backing_file;   ///< of a loop device, as the kernel says it, else ""
  std::uint64_t size_bytes = 0;

  /// Where the kernel counts media its word holds; else file and size must be the same.
  [[nodiscard]] bool IsSameMedium(const MediumIdentity& other) const {
    if (path != other.path || major != other.major || minor != other.minor) return false;
    if (diskseq != 0 || other.diskseq != 0) return diskseq == other.diskseq;
    return backing_file == other.backing_file && size_bytes == other.size_bytes;
  }
  friend bool operator==(const MediumIdentity&, const MediumIdentity&) = default;
};

struct Medium {
  std::string id;  ///< IsDeviceId()
  std::string device_class = "storage";
  std::string title;   ///< printable
  std::string serial;  ///< printable; what the device says of itself
  MediumIdentity identity;
  bool read_only = false;
  /// All nodes and links that lead to it or to a part of it: "/dev/sdb", "/dev/sdb1",
  /// "/dev/disk/by-id/usb-...". A deny that names any of them holds.
  std::vector<std::string> names;
  /// Why the host itself needs it: "mounted on /mnt"; empty: it does not.
  std::string host_use;
};

/// [a-z0-9][a-z0-9._-]{0,63}: no slash, nothing that a path or a terminal could take for more.
bool IsDeviceId(const std::string& id);

}  // namespace bulkhead::broker
