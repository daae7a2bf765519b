// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <vector>

#include "vmspec/explain.h"

namespace bulkhead::vmspec {

/// Why nothing that can be read arrives: "no flow leads from "low" to "high"", what the lattice
/// would say to one, and the halves of rules that are there.
std::vector<std::string> MissingRules(const SpecSet& spec, const FlowGraph& graph,
                                      const Explanation& explanation);

}  // namespace bulkhead::vmspec
