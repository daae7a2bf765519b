// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/base/paths.h"

#include <cstdlib>

namespace bulkhead {

Paths Paths::FromEnvironment() {
  Paths paths;
  if (const char* run = std::getenv("BULKHEAD_RUN_DIR")) paths.run = run;
  if (const char* state = std::getenv("BULKHEAD_STATE_DIR")) paths.state = state;
  if (const char* cache = std::getenv("BULKHEAD_CACHE_DIR")) paths.cache = cache;
  return paths;
}

}  // namespace bulkhead
