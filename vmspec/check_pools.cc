// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>

#include "vmspec/codes.h"
#include "vmspec/draft.h"

namespace bulkhead::vmspec {

namespace {

/// How many levels a pool has links for: four addresses each, and the first four stay free. Never
/// much more than a spec set has levels.
std::size_t Capacity(const Prefix& pool) {
  unsigned host_bits = (pool.v6 ? 128U : 32U) - pool.length;
  return (std::size_t{1} << std::min(host_bits - 2, 16U)) - 1;
}

void CheckPool(const Prefix& pool, std::size_t levels, const Origin& origin, Faults& faults) {
  std::size_t capacity = Capacity(pool);
  if (levels <= capacity) return;
  faults.Error(codes::kPoolTooSmall,
               "the address pool " + pool.ToString() + " has links for " +
                   std::to_string(capacity) + " levels, and there are " + std::to_string(levels),
               origin, {}, "write a larger network in host.toml, [addresses]");
}

}  // namespace

void CheckPools(const Draft& draft, Faults& faults) {
  const auto& levels = draft.spec.levels;
  bool any_network = std::any_of(levels.begin(), levels.end(), [](const auto& entry) {
    return !entry.second.network.uplink.empty();
  });
  // A level's link comes from its index, and levels without a network have an index as well.
  if (!any_network) return;
  CheckPool(draft.spec.host.pool4, levels.size(), draft.spec.host.origin, faults);
  CheckPool(draft.spec.host.pool6, levels.size(), draft.spec.host.origin, faults);
}

}  // namespace bulkhead::vmspec
