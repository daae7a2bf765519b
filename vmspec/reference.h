// SPDX-License-Identifier: GPL-2.0-or-later
/// The schema as people read it.
#pragma once

#include <string>

#include "vmspec/schema.h"

namespace bulkhead::vmspec {

/// Markdown of one file's tables: a heading and a table of keys for each. docs/spec-reference.md
/// holds it between its own sentences (tests/unit/vmspec/reference_test.cc keeps it true).
std::string ReferenceOf(const TableSchema& file);

}  // namespace bulkhead::vmspec
