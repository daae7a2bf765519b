// SPDX-License-Identifier: GPL-2.0-or-later
/// The names that a spec set defines: what references are held against.
#pragma once

#include <array>
#include <optional>
#include <set>
#include <string>

#include "vmspec/schema.h"

namespace bulkhead::vmspec {

using NameSet = std::set<std::string, std::less<>>;

struct Scope {
  /// Every name that is written down, sound or not. Nothing: the file that would say them is not
  /// TOML, and no reference of this kind can be judged.
  std::array<std::optional<NameSet>, kKinds> names{NameSet{}, NameSet{}, NameSet{},
                                                   NameSet{}, NameSet{}, NameSet{}};

  std::optional<NameSet>& Of(Kind kind) { return names[static_cast<std::size_t>(kind)]; }
  [[nodiscard]] const std::optional<NameSet>& Of(Kind kind) const {
    return names[static_cast<std::size_t>(kind)];
  }
  void Add(Kind kind, const std::string& name) {
    if (Of(kind)) Of(kind)->insert(name);
  }
};

}  // namespace bulkhead::vmspec
