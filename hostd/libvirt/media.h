// SPDX-License-Identifier: GPL-2.0-or-later
/// Plugging media in and out. Blocking, any thread; one Attach of a level at a time.
#pragma once

#include <string>

#include "hostd/libvirt/hypervisor.h"
#include "hostd/libvirt/libvirt_error.h"

namespace bulkhead::hostd {

/// `medium.path` is a block device and the same as the one behind `medium.fd`. kNotFound,
/// kConflict.
Status CheckMedium(const MediumSpec& medium);

/// As Hypervisor::Attach, after CheckMedium.
///
/// libvirt passes descriptors for regular files only (QEMU's "file" driver takes no block device),
/// so QEMU opens the path: libvirt makes a node of that name in the /dev of QEMU's own mount
/// namespace, gives that node to the level's uid, and removes it on detach. The host's node is not
/// changed.
Status AttachMedium(virConnectPtr connection, const std::string& level, const MediumSpec& medium);

/// Asks the guest to let go of the device; returns at once. Not attached or no domain: fine.
Status RequestDetach(virConnectPtr connection, const std::string& level,
                     const std::string& device_id);

}  // namespace bulkhead::hostd
