// SPDX-License-Identifier: GPL-2.0-or-later
/// What of a level takes effect only when it starts, and which of it a running level was started
/// without. The one place that says so: hostd and `spec diff` ask it. Pure.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "vmspec/model.h"

namespace bulkhead::vmspec {

/// What people call it ("memory", "flow up") -> its value in a form that only compares.
using RestartFacts = std::map<std::string, std::string>;

/// Of what the set says of this level all that its virtual machine, its disks and its agent's
/// welcome are made of.
RestartFacts RestartFactsOf(const SpecSet& spec, const Level& level);

/// What differs, by name: "memory". A flow that is gone needs no restart: its halves have ended.
std::vector<std::string> RestartNeeded(const RestartFacts& started, const RestartFacts& now);

/// The levels of both sets that, started from the first, need a restart to have all of the second.
std::set<std::string> RestartsBetween(const SpecSet& before, const SpecSet& after);

/// The facts of flows that the set does not have any more are forgotten: their ports are closed,
/// and only a start opens new ones.
RestartFacts WithoutGoneFlows(RestartFacts started, const RestartFacts& now);

}  // namespace bulkhead::vmspec
