// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/toml_tables.h"

#include <algorithm>
#include <utility>

namespace bulkhead::vmspec {

namespace {

using Made = Table::Made;

/// Of more members than these, a map finds the one with a name.
constexpr std::size_t kSearched = 16;
/// Room made for the first member: most tables of ours have no more.
constexpr std::size_t kFirstRoom = 4;

Table* AsTable(Node& node) { return std::get_if<Table>(&node.value); }

Node NewTable(const Place& place, Made made) { return {place, Table{{}, made, 0}}; }

/// Made by [[a]], so that its last element is open.
Node* LastOfList(Node& node) {
  auto* list = std::get_if<Array>(&node.value);
  if (list == nullptr || list->empty()) return nullptr;
  Table* last = AsTable(list->back());
  return last != nullptr && last->made == Made::kInList ? &list->back() : nullptr;
}

}  // namespace

TomlTables::Found TomlTables::FindOrAdd(Table& table, KeyPart& part, Node value) {
  auto& members = table.members;
  if (table.index != 0) {
    auto [at, is_new] = indexes_[table.index - 1].emplace(part.text, members.size());
    if (!is_new) return {&members[at->second].value, false};
  } else {
    auto same = std::ranges::find(members, part.text, &Member::key);
    if (same != members.end()) return {&same->value, false};
  }
  if (members.empty() && table.made != Made::kByPath && table.made != Made::kByDots) {
    members.reserve(kFirstRoom);
  }
  members.push_back({std::move(part.text), part.place, std::move(value)});
  if (table.index == 0 && members.size() > kSearched) MakeIndex(table);
  return {&members.back().value, true};
}

void TomlTables::MakeIndex(Table& table) {
  Index& index = indexes_.emplace_back();
  for (std::size_t i = 0; i < table.members.size(); ++i) index.emplace(table.members[i].key, i);
  table.index = static_cast<std::uint32_t>(indexes_.size());
}

/// To the table that all parts of a header but the last mean, made where there is none.
TomlTables::Result TomlTables::Walk(KeyPath& path, const Place& place, Node*& at) {
  depth_ = 0;
  at = &root_;
  for (std::size_t i = 0; i + 1 < path.size(); ++i) {
    at = FindOrAdd(*AsTable(*at), path[i], NewTable(place, Made::kByPath)).node;
    ++depth_;
    if (Node* last = LastOfList(*at)) {
      at = last;
      ++depth_;
    }
    if (depth_ >= kMaxDepth) return {Outcome::kTooDeep, i + 1};
    const Table* table = AsTable(*at);
    if (table == nullptr) return {Outcome::kNoTable, i};
    if (table->made == Made::kInline) return {Outcome::kClosed, i};
  }
  return {};
}

TomlTables::Result TomlTables::OpenTable(KeyPath& path, const Place& place) {
  Node* parent = nullptr;
  Result walked = Walk(path, place, parent);
  if (walked.outcome != Outcome::kDone) return walked;
  ++depth_;
  Found found = FindOrAdd(*AsTable(*parent), path.back(), NewTable(place, Made::kByHeader));
  current_ = found.node;
  if (found.is_new) return {};
  Table* table = AsTable(*current_);
  if (table == nullptr || table->made != Made::kByPath) return {Outcome::kTaken, path.size() - 1};
  table->made = Made::kByHeader;
  current_->origin = place;
  return {};
}

TomlTables::Result TomlTables::OpenElement(KeyPath& path, const Place& place) {
  Node* parent = nullptr;
  Result walked = Walk(path, place, parent);
  if (walked.outcome != Outcome::kDone) return walked;
  depth_ += 2;
  if (depth_ > kMaxDepth) return {Outcome::kTooDeep, path.size() - 1};
  Found list = FindOrAdd(*AsTable(*parent), path.back(), {place, Array{}});
  if (!list.is_new && LastOfList(*list.node) == nullptr) return {Outcome::kTaken, path.size() - 1};
  current_ = &std::get<Array>(list.node->value).emplace_back(NewTable(place, Made::kInList));
  return {};
}

TomlTables::Result TomlTables::PutInto(Node& table, KeyPath& path, Node value) {
  Node* at = &table;
  for (std::size_t i = 0; i + 1 < path.size(); ++i) {
    at = FindOrAdd(*AsTable(*at), path[i], NewTable(path[i].place, Made::kByDots)).node;
    const Table* found = AsTable(*at);
    if (found == nullptr) return {Outcome::kNoTable, i};
    if (found->made != Made::kByDots) return {Outcome::kClosed, i};
  }
  Found found = FindOrAdd(*AsTable(*at), path.back(), std::move(value));
  return {found.is_new ? Outcome::kDone : Outcome::kTaken, path.size() - 1};
}

}  // namespace bulkhead::vmspec
