// SPDX-License-Identifier: GPL-2.0-or-later
/// A violation in words: which code, which line is to blame, the whole way, what to change.
#pragma once

#include "vmspec/faults.h"
#include "vmspec/flow_check.h"
#include "vmspec/flow_spread.h"

namespace bulkhead::vmspec {

/// The stable code of a violation: by the edge, or by what lies between.
std::string_view CodeOf(const FlowGraph& graph, const Violation& violation);

/// `information can flow from "b" (rank 2) to "a" (rank 0) in clear`, with the way in `notes`.
Diagnostic Describe(const FlowGraph& graph, const Violation& violation);

/// All of them, and that there may be more where the verdict is not complete.
void Report(const FlowGraph& graph, const Verdict& verdict, Faults& faults);

/// What `low` would need to dominate `high`: `at least rank 2 and the compartment "hq"`.
std::string WhatIsMissing(const Label& low, const Label& high);

}  // namespace bulkhead::vmspec
