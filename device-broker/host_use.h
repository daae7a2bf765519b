// SPDX-License-Identifier: GPL-2.0-or-later
/// What the host itself uses of its block devices: the reason a person is told. What decides is the
/// kernel's exclusive claim (BlockDevices::Claim), which also knows other mount namespaces.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vmspec/base/error.h"
#include "vmspec/base/unique_fd.h"

namespace bulkhead::broker {

struct Mount {
  dev_t device = 0;    ///< of the file system; some have one of their own
  std::string point;   ///< as the kernel escapes it
  std::string source;  ///< "/dev/sdb1"
};

/// Lines of /proc/self/mountinfo (proc_pid_mountinfo(5)); what is no such line is skipped.
std::vector<Mount> ParseMountinfo(std::string_view text);
/// Paths of /proc/swaps.
std::vector<std::string> ParseSwaps(std::string_view text);

class HostUse {
 public:
  /// Opens both files for good: under Landlock they could not be found again once the kernel has
  /// forgotten their inodes.
  static Result<HostUse> Open(const std::string& mountinfo, const std::string& swaps);

  /// Reads both anew. After an error nothing may be lent.
  Status Refresh();

  /// "mounted on /mnt", "swap", or nothing. @param name  "/dev/sdb1"
  [[nodiscard]] std::optional<std::string> Of(dev_t device, const std::string& name) const;

 private:
  HostUse(UniqueFd mountinfo, UniqueFd swaps)
      : mountinfo_(std::move(mountinfo)), swaps_(std::move(swaps)) {}
  UniqueFd mountinfo_;
  UniqueFd swaps_;  ///< none: a kernel without swap
  std::vector<Mount> mounts_;
  std::vector<std::string> swap_paths_;
};

}  // namespace bulkhead::broker
