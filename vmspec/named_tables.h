// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <vector>

#include "vmspec/faults.h"
#include "vmspec/table_reader.h"

namespace bulkhead::vmspec {

/// The members of a table of tables, [flow.NAME] or [uplink.NAME]; one whose name is no name is
/// reported and left out. Borrowed from the document.
std::vector<const Member*> NamedTables(const Field& field, Faults& faults);

}  // namespace bulkhead::vmspec
