// SPDX-License-Identifier: GPL-2.0-or-later
/// Spec sets made to be expensive, of any size: the benchmark times them, the unit tests hold the
/// time of a large one against that of a small one.
#pragma once

#include <span>

#include "vmspec/spec.h"

namespace bulkhead::vmspec {

struct HostileSet {
  const char* name;
  /// About `bytes` of it in all.
  SpecFiles (*make)(std::size_t bytes);
};

std::span<const HostileSet> HostileSyntax();   ///< dear to read
std::span<const HostileSet> HostileMeaning();  ///< dear to check and to explain

}  // namespace bulkhead::vmspec
