// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/document.h"

#include <algorithm>
#include <utility>

#include "vmspec/codes.h"
#include "vmspec/schema.h"
#include "vmspec/toml_reader.h"

namespace bulkhead::vmspec {

std::string_view Node::TypeName() const {
  static constexpr std::string_view kNames[] = {
      "a float, date or time", "true or false", "a whole number", "a string", "a list", "a table"};
  return kNames[value.index()];
}

const Node* Find(const Node& node, std::string_view key) {
  const auto* table = node.As<Table>();
  if (table == nullptr) return nullptr;
  for (const Member& member : table->members) {
    if (IsSameWord(member.key, key)) return &member.value;
  }
  return nullptr;
}

Node* Find(Node& node, std::string_view key) {
  return const_cast<Node*>(Find(std::as_const(node), key));
}

std::optional<Node> ParseDocument(const std::string& file, std::string_view text, Faults& faults) {
  if (text.size() <= kMaxFileBytes) return ReadToml(file, text, faults);
  faults.Error(codes::kTooLarge, "the file is longer than 4 MiB", Place{&file, 1, 1});
  return std::nullopt;
}

Result<Node> ReadDocument(const std::string& file, std::string_view text) {
  Faults faults;
  auto root = ParseDocument(file, text, faults);
  if (root) return std::move(*root);
  Diagnostic first = faults.Take().front();
  return Fail(ErrorCode::kInvalid, first.origin.ToString() + ":" +
                                       std::to_string(first.origin.column) + ": " + first.message);
}

}  // namespace bulkhead::vmspec
