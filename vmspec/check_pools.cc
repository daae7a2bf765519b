// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>

#include "vmspec/codes.h"
#include "vmspec/draft.h"

namespace bulkhead::vmspec {

namespace {

/// How many links of 2^`link_bits` addresses a pool holds; never more than a spec set has levels.
std::size_t Capacity(const Prefix& pool, unsigned link_bits) {
  unsigned host_bits = (pool.v6 ? 128U : 32U) - pool.length;
  return std::size_t{1} << std::min(host_bits - link_bits, 16U);
}

void CheckPool(const Prefix& pool, std::size_t levels, const Origin& origin, Faults& faults) {
  std::size_t capacity = Capacity(pool, 2);
  if (levels <= capacity) return;
  faults.Error(codes::kPoolTooSmall,
               "the address pool " + pool.ToString() + " holds " + std::to_string(capacity) +
                   " levels, and " + std::to_string(levels) + " have a network",
               origin, {}, "write a larger network in host.toml, [addresses]");
}

}  // namespace

void CheckPools(const Draft& draft, Faults& faults) {
  auto levels = static_cast<std::size_t>(
      std::count_if(draft.spec.levels.begin(), draft.spec.levels.end(),
                    [](const auto& entry) { return !entry.second.network.uplink.empty(); }));
  CheckPool(draft.spec.host.pool4, levels, draft.spec.host.origin, faults);
  CheckPool(draft.spec.host.pool6, levels, draft.spec.host.origin, faults);
}

}  // namespace bulkhead::vmspec
