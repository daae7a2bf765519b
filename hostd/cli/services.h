// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "hostd/cli/host1.h"

namespace bulkhead::cli {

/// hostd's helpers by name, each "ok" or a sentence; sorted by name.
Result<std::vector<std::pair<std::string, std::string>>> AskServices(Host1& host);

}  // namespace bulkhead::cli
