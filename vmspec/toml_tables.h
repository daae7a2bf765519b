// SPDX-License-Identifier: GPL-2.0-or-later
/// Where the keys and headers of a TOML text put their values: which table a dotted name means, and
/// whether it may still be added to.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "vmspec/document.h"

namespace bulkhead::vmspec {

struct KeyPart {
  std::string text;
  Place place;
};
/// "a.b": two parts.
using KeyPath = std::vector<KeyPart>;

class TomlTables {
 public:
  /// What came of a call. Anything but kDone leaves the text at fault, at `at` (a part of the
  /// path).
  enum class Outcome : std::uint8_t {
    kDone,
    kTaken,    ///< there is such a key already
    kNoTable,  ///< a part of the name is a value that is no table
    kClosed,   ///< a table that may not be added to here
    kTooDeep,
  };
  struct Result {
    Outcome outcome = Outcome::kDone;
    std::size_t at = 0;
  };

  /// `root` is a table, borrowed.
  explicit TomlTables(Node& root) : root_(root), current_(&root) {}

  /// [PATH], at `place`: the pairs that follow go there.
  Result OpenTable(KeyPath& path, const Place& place);
  /// [[PATH]]: the same, in a new element of the list.
  Result OpenElement(KeyPath& path, const Place& place);
  /// PATH = value, in the table of the last header. Texts are moved out of the path.
  Result Put(KeyPath& path, Node value) { return PutInto(*current_, path, std::move(value)); }
  /// The same in another table. How deep it is has been judged.
  Result PutInto(Node& table, KeyPath& path, Node value);
  /// Lists and tables below the root on the way to the table of the last header.
  [[nodiscard]] int depth() const { return depth_; }

 private:
  using Index = std::map<std::string, std::size_t>;
  struct Found {
    Node* node;
    bool is_new;
  };

  Result Walk(KeyPath& path, const Place& place, Node*& at);
  /// The table's member of that name; when there is none, a new one with `value` and the part's
  /// text.
  Found FindOrAdd(Table& table, KeyPart& part, Node value);
  void MakeIndex(Table& table);

  Node& root_;
  Node* current_;
  int depth_ = 0;
  /// Of the tables with many members, by Table::index - 1.
  std::vector<Index> indexes_;
};

}  // namespace bulkhead::vmspec
