// SPDX-License-Identifier: GPL-2.0-or-later
/// [limits] of host.toml: no level alone, and not the levels that start with the host together.
#include "vmspec/codes.h"
#include "vmspec/draft.h"
#include "vmspec/scalars.h"

namespace bulkhead::vmspec {

namespace {

/// One resource that the host limits.
struct Resource {
  const char* name;
  std::uint64_t limit;  ///< 0: none
  std::uint64_t (*of)(const Level&);
  std::string (*format)(std::uint64_t);
};

void CheckResource(const Draft& draft, const Resource& resource, Faults& faults) {
  if (resource.limit == 0) return;
  const Host& host = draft.spec.host;
  std::string most = resource.format(resource.limit) + " (" + host.limits_origin.ToString() + ")";
  std::uint64_t sum = 0;
  for (const auto& [name, level] : draft.spec.levels) {
    std::uint64_t wants = resource.of(level);
    if (level.autostart) sum += wants;
    if (wants <= resource.limit) continue;
    faults.Error(codes::kHostLimit,
                 Quoted(name) + " takes " + resource.format(wants) + " of " + resource.name +
                     ", and the host's limit is " + most,
                 level.origin);
  }
  if (sum <= resource.limit) return;
  faults.Error(codes::kHostLimit,
               "the levels that start with the host take " + resource.format(sum) + " of " +
                   resource.name + " together, and its limit is " + resource.format(resource.limit),
               host.limits_origin, {}, "take autostart away from one, or raise the limit");
}

}  // namespace

void CheckLimits(const Draft& draft, Faults& faults) {
  const Host& host = draft.spec.host;
  CheckResource(draft,
                {"memory", std::uint64_t{host.limit_memory_mib} << 20,
                 [](const Level& l) { return std::uint64_t{l.memory_max_mib} << 20; }, FormatSize},
                faults);
  CheckResource(draft,
                {"vCPUs", host.limit_vcpus, [](const Level& l) { return std::uint64_t{l.vcpus}; },
                 [](std::uint64_t n) { return std::to_string(n); }},
                faults);
}

}  // namespace bulkhead::vmspec
