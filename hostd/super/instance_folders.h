// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <vector>

#include "hostd/super_client.h"
#include "vmspec/base/error.h"
#include "vmspec/base/paths.h"

namespace bulkhead::super {

/// Makes every folder and FIFO that checked instances need, as docs/protocols/super.md lists them.
/// Idempotent. After an error some may be there; none has a wrong owner.
Status MakeInstanceFolders(const Paths& paths,
                           const std::vector<hostd::ServiceInstance>& instances);

/// Removes the empty channel folders of an instance that is no longer wanted. Spools stay: what
/// waits in them is somebody's file.
void RemoveInstanceFolders(const Paths& paths, const hostd::ServiceInstance& instance);

}  // namespace bulkhead::super
