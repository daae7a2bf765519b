// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <sys/types.h>

#include <string>

#include "vmspec/base/error.h"

namespace bulkhead::netpolicy {

/// Makes a persistent tap that is down: one queue, virtio-net header on (as libvirt opens it for a
/// virtio interface), to be opened by `owner` without any capability.
///   kExists when an interface has the name, kPermission without CAP_NET_ADMIN or /dev/net/tun.
Status CreateTap(const std::string& name, uid_t owner, gid_t group);

}  // namespace bulkhead::netpolicy
