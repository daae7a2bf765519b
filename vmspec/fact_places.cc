// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/fact_places.h"

#include <algorithm>
#include <string_view>

namespace bulkhead::vmspec {

namespace {

/// Where subjects of a kind are written down: [table.NAME] of a file.
struct Home {
  std::string_view kind;
  const char* file;
  std::string_view table;
};
constexpr Home kHomes[] = {{"uplink", "networks", "uplink"}, {"service", "networks", "service"},
                           {"flow", "flows", "flow"},        {"recipient", "flows", "recipient"},
                           {"key", "devices", "key"},        {"device", "devices", "device"},
                           {"role", "host", "role"}};

const Node* Below(const Node* node, std::string_view key) {
  const Table* table = node == nullptr ? nullptr : node->As<Table>();
  if (table == nullptr) return nullptr;
  auto found = std::ranges::find(table->members, key, &Member::key);
  return found == table->members.end() ? nullptr : &found->value;
}

const Node* FindIn(const std::map<std::string, Node>& documents, const std::string& name) {
  auto found = documents.find(name);
  return found == documents.end() ? nullptr : &found->second;
}

const Node* SubjectIn(const Assembled& assembled, const FactKey& key) {
  if (key.kind == "level") return FindIn(assembled.levels, key.name);
  if (key.kind == "host") return FindIn(assembled.top, "host");
  const auto* home = std::ranges::find(kHomes, key.kind, &Home::kind);
  if (home == std::end(kHomes)) return nullptr;
  return Below(Below(FindIn(assembled.top, home->file), home->table), key.name);
}

}  // namespace

FactPlaces::FactPlaces(const SpecFiles& files) {
  Faults ignored;
  assembled_ = Assemble(files, ignored);
}

Origin FactPlaces::Of(const FactKey& key) const {
  const Node* node = SubjectIn(assembled_, key);
  std::string_view rest = key.field;
  while (node != nullptr && !rest.empty()) {
    std::size_t dot = std::min(rest.find('.'), rest.size());
    if (node->As<Array>() != nullptr) break;  // key.NAME.confirm of [[key]]
    node = Below(node, rest.substr(0, dot));
    rest.remove_prefix(std::min(dot + 1, rest.size()));
  }
  return node == nullptr ? Origin{} : node->origin;
}

void TellPlaces(const FactPlaces& before, const FactPlaces& after, Difference& difference) {
  auto better = [](const FactPlaces& places, const FactKey& key, Origin& origin) {
    Origin found = places.Of(key);
    // Of a list the model often knows the element's own line.
    if (found.line != 0 && key.element.empty()) origin = std::move(found);
  };
  for (Change& change : difference.changes) {
    if (change.before) better(before, change.key, change.origin_before);
    if (change.after) better(after, change.key, change.origin_after);
  }
}

}  // namespace bulkhead::vmspec
