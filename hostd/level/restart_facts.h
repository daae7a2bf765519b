// SPDX-License-Identifier: GPL-2.0-or-later
/// What of a level takes effect only when it starts, and which of it a running level was started
/// without. Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "hostd/applied_spec.h"

namespace bulkhead::hostd {

/// What people call it ("memory", "flow up") -> its value in a form that only compares.
using RestartFacts = std::map<std::string, std::string>;

/// Of what the set says of this level all that its virtual machine, its disks and its agent's
/// welcome are made of.
RestartFacts FactsOf(const AppliedSpec& applied, const vmspec::Level& level);

/// What differs, by name: "memory". A flow that is gone needs no restart: its halves have ended.
std::vector<std::string> RestartNeeded(const RestartFacts& started, const RestartFacts& now);

/// The facts of flows that the set does not have any more are forgotten: their ports are closed,
/// and only a start opens new ones.
RestartFacts WithoutGoneFlows(RestartFacts started, const RestartFacts& now);

}  // namespace bulkhead::hostd
