// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "vmspec/base/error.h"

namespace bulkhead::netpolicy {

/// Takes from this process what netd does not need: new privileges, files but the tap device and
/// the network settings, system calls but those in the table beside it.
Status ConfineNetd();

}  // namespace bulkhead::netpolicy
