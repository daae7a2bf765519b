// SPDX-License-Identifier: GPL-2.0-or-later
/// A spec set while it is read, and the reader of each kind of file. A file at fault leaves a draft
/// that later steps can still be run on, so that all faults show in one pass and none is an echo of
/// another.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "vmspec/document.h"
#include "vmspec/values.h"

namespace bulkhead::vmspec {

struct Draft {
  SpecSet spec;
  NameSet level_names;  ///< every level that has a file, sound or not
  /// Every uplink that is written down, sound or not; nothing: networks.toml is not TOML, and no
  /// reference to an uplink can be judged.
  std::optional<NameSet> uplink_names = NameSet{};
  NameSet levels_without_label;  ///< at fault: the lattice says nothing of them
  NameSet uplinks_without_label;
};

void ReadNetworks(const Node& document, Draft& draft, Faults& faults);
void ReadLevel(const std::string& name, const Node& document, Draft& draft, Faults& faults);
void ReadFlows(const Node& document, Draft& draft, Faults& faults);
void ReadDevices(const Node& document, Draft& draft, Faults& faults);
void ReadHost(const Node& document, Draft& draft, Faults& faults);

/// [network] of a level.
LevelNetwork ReadLevelNetwork(const Field& field, const Draft& draft, Faults& faults);

/// The `schema` key of every file. False: the file is of another version, and the rest of it would
/// only be misread.
bool ReadSchema(TableReader& table, Faults& faults);

/// The checks that need the whole set.
void CheckFlows(const Draft& draft, Faults& faults);
void CheckUplinks(const Draft& draft, Faults& faults);
void CheckStorage(const Draft& draft, Faults& faults);
void CheckPools(const Draft& draft, Faults& faults);

}  // namespace bulkhead::vmspec
