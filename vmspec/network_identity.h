// SPDX-License-Identifier: GPL-2.0-or-later
/// Which uplinks are one network.
#pragma once

#include <string>

#include "vmspec/model.h"

namespace bulkhead::vmspec {

/// The network whose packets an uplink carries in clear, in words; two uplinks with the same words
/// are one network. "": not known.
std::string NetworkOf(const Uplink& uplink);

}  // namespace bulkhead::vmspec
