// SPDX-License-Identifier: GPL-2.0-or-later
#include <unordered_map>

#include "vmspec/scalars.h"
#include "vmspec/values.h"

namespace bulkhead::vmspec {

namespace {

using Value = decltype(Node::value);

/// A default as it is written in the schema: true, 7, "word", ["a", "b"].
Value ParseFallback(std::string_view text) {
  if (text == "true" || text == "false") return text == "true";
  if (text.front() == '"') return std::string(text.substr(1, text.size() - 2));
  if (text.front() != '[') return static_cast<std::int64_t>(*ParseNumber(text));
  Array list;
  for (std::size_t at = text.find('"'); at != text.npos; at = text.find('"', at)) {
    std::size_t end = text.find('"', at + 1);
    list.push_back(Node{{}, std::string(text.substr(at + 1, end - at - 1))});
    at = end + 1;
  }
  return list;
}

using Fallbacks = std::unordered_map<const KeySchema*, Node>;

void Collect(const TableSchema& table, Fallbacks& all) {
  for (const KeySchema& key : table.keys) {
    if (!key.fallback.empty()) all.emplace(&key, Node{{}, ParseFallback(key.fallback)});
    if (key.table != nullptr) Collect(*key.table, all);
  }
}

}  // namespace

const Node* FallbackOf(const KeySchema& key) {
  static const Fallbacks all = [] {
    Fallbacks out;
    for (const TableSchema* file : FileSchemas()) Collect(*file, out);
    return out;
  }();
  auto found = all.find(&key);
  return found == all.end() ? nullptr : &found->second;
}

}  // namespace bulkhead::vmspec
