// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/table_reader.h"

#include <algorithm>

#include "vmspec/codes.h"
#include "vmspec/did_you_mean.h"

namespace bulkhead::vmspec {

TableReader::TableReader(const Node& node, std::string_view name, Faults& faults)
    : table_(node.As<Table>()), origin_(node.origin), faults_(faults) {
  if (table_ != nullptr) return;
  faults.Error(codes::kWrongType,
               Quoted(name) + " must be a table, not " + std::string(node.TypeName()), node.origin);
}

Field TableReader::Optional(std::string_view key) {
  known_.emplace_back(key);
  Field field{std::string(key), nullptr};
  if (table_ == nullptr) return field;
  for (const Member& member : table_->members) {
    if (member.key == key) field.node = &member.value;
  }
  return field;
}

Field TableReader::Required(std::string_view key) {
  Field field = Optional(key);
  if (!field && table_ != nullptr) {
    faults_.Error(codes::kMissingKey, "the key " + Quoted(key) + " is missing", origin_);
  }
  return field;
}

void TableReader::Finish() {
  if (table_ == nullptr) return;
  std::sort(known_.begin(), known_.end());
  for (const Member& member : table_->members) {
    if (std::binary_search(known_.begin(), known_.end(), member.key)) continue;
    std::string meant = DidYouMean(member.key, known_);
    std::string help = meant.empty() ? "the keys here are " + Listed(known_) : "";
    faults_.Error(codes::kUnknownKey, "unknown key " + Quoted(member.key), member.origin, meant,
                  help);
  }
}

}  // namespace bulkhead::vmspec
