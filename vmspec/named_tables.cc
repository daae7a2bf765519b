// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/named_tables.h"

#include "vmspec/codes.h"
#include "vmspec/draft.h"
#include "vmspec/scalars.h"

namespace bulkhead::vmspec {

std::vector<const Member*> NamedTables(const Field& field, Faults& faults) {
  std::vector<const Member*> out;
  if (!field) return out;
  const Table* table = field.node->As<Table>();
  if (table == nullptr) {
    faults.Error(
        codes::kWrongType,
        "write " + Quoted(field.name) + " as tables with a name: [" + field.name + ".NAME]",
        field.node->origin);
    return out;
  }
  for (const Member& member : table->members) {
    if (IsName(member.key)) {
      out.push_back(&member);
    } else {
      faults.Error(codes::kBadName, Quoted(member.key) + " is no name", member.origin, {},
                   kNameRule);
    }
  }
  return out;
}

bool ReadSchema(TableReader& table, Faults& faults) {
  Field field = table.Required("schema");
  if (!field) return true;
  const auto* version = field.node->As<std::int64_t>();
  if (version != nullptr && *version == 1) return true;
  faults.Error(codes::kSchema, "this version of Bulkhead reads schema 1 only", field.node->origin);
  return false;
}

}  // namespace bulkhead::vmspec
