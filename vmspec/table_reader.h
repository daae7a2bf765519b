// SPDX-License-Identifier: GPL-2.0-or-later
/// Takes the keys of one TOML table one by one, as the table's schema says, and tells which keys
/// the schema does not know, which are missing, and which this version cannot carry out.
#pragma once

#include <concepts>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "vmspec/values.h"

namespace bulkhead::vmspec {

class TableReader {
 public:
  /// All are borrowed for the reader's life. When the node is no table the fault is reported, and
  /// every key is absent.
  TableReader(const Node& node, const TableSchema& schema, std::string_view name,
              const Scope& scope, Faults& faults);

  /// Every `key` below is one of the schema. A key that is absent has the schema's default, if
  /// there is one.

  [[nodiscard]] const Node* Find(std::string_view key) const;  ///< nullptr: not said
  [[nodiscard]] bool Has(std::string_view key) const { return Find(key) != nullptr; }
  /// Of the key's value; of the table when nothing is said.
  [[nodiscard]] const Place& OriginOf(std::string_view key) const;

  /// Nothing: absent without a default, or at fault.
  std::optional<std::uint64_t> Number(std::string_view key);
  std::optional<std::size_t> Word(std::string_view key);
  std::optional<Label> GetLabel(std::string_view key);
  std::optional<Prefix> GetPrefix(std::string_view key);

  /// Sets `target`, which keeps its value when there is none. False: the value is at fault.
  bool Read(std::string_view key, bool& target);
  template <std::unsigned_integral T>
  bool Read(std::string_view key, T& target, std::uint64_t unit = 1) {
    auto value = Number(key);
    if (value) target = static_cast<T>(*value / unit);
    return value || !Speaks(key);
  }
  /// `T` has the words of the schema in their order.
  template <typename T>
    requires std::is_enum_v<T>
  bool Read(std::string_view key, T& target) {
    auto value = Word(key);
    if (value) target = static_cast<T>(*value);
    return value || !Speaks(key);
  }
  bool Read(std::string_view key, std::string& target);
  bool Read(std::string_view key, std::vector<std::string>& target);  ///< a list without doubles
  /// Of words; as above.
  template <typename T>
    requires std::is_enum_v<T>
  bool Read(std::string_view key, std::set<T>& target) {
    std::vector<std::size_t> places;
    bool sound = ReadWords(key, places);
    for (std::size_t place : places) target.insert(static_cast<T>(place));
    return sound;
  }
  bool Read(std::string_view key, std::vector<PortRange>& target);
  bool Read(std::string_view key, std::vector<Prefix>& target);

  /// The elements of a list of tables; [] when it is at fault.
  std::vector<const Node*> Tables(std::string_view key);
  /// The members of [key.NAME]; one whose name is no name is reported and left out.
  std::vector<const Member*> NamedTables(std::string_view key);
  /// A table below this one.
  TableReader Below(std::string_view key, const Node& node) {
    return {node, *Schema(key).table, key, scope_, faults_};
  }

  /// B0102 for each key that the schema does not know, with the one that may be meant; B0101 for
  /// each that must be there. Call it last.
  void Finish();

  [[nodiscard]] bool is_table() const { return table_ != nullptr; }
  [[nodiscard]] const Place& origin() const { return node_.origin; }
  [[nodiscard]] Faults& faults() { return faults_; }
  [[nodiscard]] const TableSchema& schema() const { return schema_; }

 private:
  [[nodiscard]] const KeySchema& Schema(std::string_view key) const;
  /// What is said, or the default.
  [[nodiscard]] const Node* Given(const KeySchema& key) const;
  [[nodiscard]] bool Speaks(std::string_view key) const { return Given(Schema(key)) != nullptr; }
  const Array* List(const KeySchema& key, std::string_view of_what);
  /// The list's elements, each read by `read(node) -> optional<T>`; false when one is at fault.
  template <typename T, typename Reader>
  bool ReadList(const KeySchema& key, std::vector<T>& target, Reader read);
  bool ReadWords(std::string_view key, std::vector<std::size_t>& places);
  void WarnIfLater(const KeySchema& key, const Node& node);

  const Node& node_;
  const Table* table_;  ///< of node_; nullptr when it is none
  const TableSchema& schema_;
  const Scope& scope_;
  Faults& faults_;
};

}  // namespace bulkhead::vmspec
