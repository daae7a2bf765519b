// SPDX-License-Identifier: GPL-2.0-or-later
/// From a level of the model to the virtual machine that libvirt is asked for. Pure.
#pragma once

#include <string>

#include "hostd/applied_spec.h"
#include "hostd/libvirt/hypervisor.h"
#include "netpolicy/policy.h"
#include "vmspec/base/paths.h"

namespace bulkhead::hostd {

/// What a start finds on this host and no spec says.
struct StartFacts {
  Acceleration accel = Acceleration::kKvm;
  std::uint32_t tsc_khz = 0;  ///< TCG: HostTscKhz()
  std::int64_t created_unix_s = 0;
  std::string kernel;  ///< this level's own copies of what boots, paths
  std::string initrd;
  std::string cmdline;  ///< as the image says
  std::string image_version;
};

/// "02:62:68:00:01:02"
std::string MacText(const netpolicy::MacAddress& mac);

/// What is asked of libvirt; the disks await their descriptors. `level` is of
/// `applied`, which has numbers for all its levels.
DomainSpec LowerDomain(const Paths& paths, const AppliedSpec& applied, const vmspec::Level& level,
                       const StartFacts& facts);

/// Whether the level's state is there again after a stop.
bool KeepsState(const vmspec::Level& level);

}  // namespace bulkhead::hostd
