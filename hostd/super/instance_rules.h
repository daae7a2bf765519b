// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <vector>

#include "hostd/super_client.h"
#include "vmspec/base/error.h"

namespace bulkhead::super {

/// A list of instances that superd may act on as root: names are names (they become paths), indexes
/// are in range (they become uids), one index per level and per flow, no instance twice, the halves
/// of a flow agree, diode bounds are set. Pure.
/// kInvalid names the first instance that is wrong, and why.
Status CheckInstances(const std::vector<hostd::ServiceInstance>& instances);

/// "agentd@low", "diode-send@up", "diode-receive@up".
std::string UnitName(const hostd::ServiceInstance& instance);

}  // namespace bulkhead::super
