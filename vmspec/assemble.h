// SPDX-License-Identifier: GPL-2.0-or-later
/// From the files of a spec set to one document for each level and each kind of file: schemas
/// migrated, templates and drop-ins merged.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "vmspec/document.h"
#include "vmspec/scope.h"
#include "vmspec/spec.h"

namespace bulkhead::vmspec {

struct Assembled {
  std::map<std::string, Node> levels;  ///< sound ones
  std::map<std::string, Node> top;     ///< "flows", "networks", "devices", "host"
  NameSet level_names;                 ///< every level that has a file, sound or not
  NameSet template_names;
  NameSet unreadable;  ///< of kTopFiles: a part of it could not be read
};

Assembled Assemble(const SpecFiles& files, Faults& faults);

}  // namespace bulkhead::vmspec
