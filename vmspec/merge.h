// SPDX-License-Identifier: GPL-2.0-or-later
/// How a drop-in or an extending file changes what it is laid over.
#pragma once

#include "vmspec/document.h"

namespace bulkhead::vmspec {

/// Lays `over` on `base`; both are tables. A key of `over` replaces that of `base`, but tables are
/// merged key by key, and lists of tables ([[rule]], `allow = [{...}]`) get the new elements behind
/// the old ones: a drop-in cannot take a rule away. Each value keeps the place where it was said.
void Merge(Node& base, Node over);

}  // namespace bulkhead::vmspec
