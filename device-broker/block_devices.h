// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <map>
#include <string>

#include "device-broker/device_source.h"
#include "device-broker/host_use.h"
#include "device-broker/sysfs_disk.h"

namespace bulkhead::broker {

/// Block media of this machine: loop devices with a file, and disks, drives and cards that can be
/// plugged in and out. Reads sysfs; the host never mounts or probes what is on them.
class BlockDevices : public DeviceSource {
 public:
  struct Roots {
    std::string sys = "/sys";
    std::string dev = "/dev";
    std::string mountinfo = "/proc/self/mountinfo";
    std::string swaps = "/proc/swaps";
  };
  static Result<BlockDevices> Open(Roots roots);

  Result<std::vector<Medium>> Enumerate() override;
  Result<UniqueFd> Claim(const Medium& medium, bool write) override;

 private:
  BlockDevices(Roots roots, HostUse use) : roots_(std::move(roots)), use_(std::move(use)) {}
  /// Node -> links below dev/disk that lead to it.
  using Links = std::multimap<std::string, std::string>;
  [[nodiscard]] Links ReadLinks() const;
  [[nodiscard]] Medium Read(const SysfsDisk& disk, const Links& links) const;
  [[nodiscard]] std::string UseOf(const SysfsDisk& disk) const;

  Roots roots_;
  HostUse use_;
};

}  // namespace bulkhead::broker
