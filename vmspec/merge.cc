// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/merge.h"

#include <algorithm>
#include <iterator>

namespace bulkhead::vmspec {

namespace {

/// An empty list may be one.
bool IsTableList(const Node& node) {
  const Array* list = node.As<Array>();
  return list != nullptr && std::ranges::all_of(*list, [](const Node& element) {
           return element.As<Table>() != nullptr;
         });
}

bool IsEmptyList(const Node& node) { return node.As<Array>() && node.As<Array>()->empty(); }

void MergeValue(Node& base, Node over) {
  if (base.As<Table>() != nullptr && over.As<Table>() != nullptr) {
    Merge(base, std::move(over));
  } else if (IsTableList(base) && !IsEmptyList(base) && IsTableList(over)) {
    auto& elements = std::get<Array>(base.value);
    std::ranges::move(std::get<Array>(over.value), std::back_inserter(elements));
  } else {
    base = std::move(over);
  }
}

}  // namespace

void Merge(Node& base, Node over) {
  auto& members = std::get<Table>(base.value).members;
  for (Member& member : std::get<Table>(over.value).members) {
    auto same = std::ranges::find(members, member.key, &Member::key);
    if (same == members.end()) {
      members.push_back(std::move(member));
    } else {
      MergeValue(same->value, std::move(member.value));
    }
  }
}

}  // namespace bulkhead::vmspec
