// SPDX-License-Identifier: GPL-2.0-or-later
/// From policies to rules. Pure.
#pragma once

#include "netpolicy/ruleset.h"

namespace bulkhead::netpolicy {

/// Base chains and maps: constant cost per packet however many levels there are. What comes from or
/// goes to an interface named like a tap that no level's policy names is dropped.
RulesetFrame CompileFrame();

/// The five chains and the map elements of one level. `policy` has passed CheckPolicy().
LevelRules CompileRules(const LevelPolicy& policy);

/// The chain on the tap, before anything else sees a frame: only the level's own MAC, ARP and
/// addresses. Declared here for its own tests.
Chain CompileAntiSpoof(const LevelPolicy& policy);

Ruleset CompileRuleset(const std::vector<LevelPolicy>& policies);

}  // namespace bulkhead::netpolicy
