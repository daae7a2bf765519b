// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/merge.h"

#include <algorithm>
#include <iterator>
#include <map>

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
/// Finds members by name, in tables of any width: two files of one key after the other must not
/// take as many steps as one has keys times the other.
class Finder {
 public:
  /// As many will be looked for, and may be added at the end.
  Finder(std::vector<Member>& members, std::size_t count)
      : members_(members), indexed_(count > kSearched) {
    members_.reserve(members_.size() + count);  // the names must stay where they are
    if (!indexed_) return;
    for (Member& member : members_) index_.emplace(member.key, &member);
  }

  Member* operator()(std::string_view key) {
    if (!indexed_) {
      auto found = std::ranges::find(members_, key, &Member::key);
      return found == members_.end() ? nullptr : &*found;
    }
    auto found = index_.find(key);
    return found == index_.end() ? nullptr : found->second;
  }

  void Added() {
    if (indexed_) index_.emplace(members_.back().key, &members_.back());
  }

 private:
  static constexpr std::size_t kSearched = 16;
  std::vector<Member>& members_;
  bool indexed_;
  std::map<std::string_view, Member*> index_;
};

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
  auto& others = std::get<Table>(over.value).members;
  Finder find(members, others.size());
  for (Member& member : others) {
    if (Member* same = find(member.key)) {
      MergeValue(same->value, std::move(member.value));
    } else {
      members.push_back(std::move(member));
      find.Added();
    }
  }
}

}  // namespace bulkhead::vmspec
