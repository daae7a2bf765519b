// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/codes.h"
#include "vmspec/scalars.h"
#include "vmspec/values.h"

namespace bulkhead::vmspec {

namespace {

constexpr Range kRank{0, 1000};
constexpr std::size_t kMaxCompartments = 64;

/// Nothing when one of them is at fault: half a label would make the lattice check lie.
std::optional<NameSet> ReadCompartments(const Field& field, Faults& faults) {
  NameSet names;
  if (!field) return names;
  const Array* list = field.node->As<Array>();
  if (list == nullptr) {
    faults.Error(codes::kWrongType,
                 "\"compartments\" must be a list, not " + std::string(field.node->TypeName()),
                 field.node->origin);
    return std::nullopt;
  }
  if (list->size() > kMaxCompartments) {
    faults.Error(codes::kTooMany, "a label has at most 64 compartments", field.node->origin);
    return std::nullopt;
  }
  bool ok = true;
  for (const Node& node : *list) {
    auto name = ReadName({"compartments", &node}, faults);
    ok = ok && name;
    if (name && !names.insert(*name).second) {
      faults.Error(codes::kDuplicate, "the compartment " + Quoted(*name) + " is named twice",
                   node.origin);
    }
  }
  return ok ? std::optional(names) : std::nullopt;
}

}  // namespace

std::optional<Label> ReadLabel(const Field& field, Faults& faults) {
  if (!field) return std::nullopt;
  TableReader table(*field.node, field.name, faults);
  auto rank = ReadInteger(table.Required("rank"), kRank, faults);
  auto compartments = ReadCompartments(table.Optional("compartments"), faults);
  table.Finish();
  if (!rank || !compartments) return std::nullopt;
  return Label{static_cast<int>(*rank), *compartments};
}

}  // namespace bulkhead::vmspec
