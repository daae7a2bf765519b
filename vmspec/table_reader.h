// SPDX-License-Identifier: GPL-2.0-or-later
/// Takes the keys of one TOML table one by one, and tells which of them nobody asked for.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "vmspec/document.h"
#include "vmspec/faults.h"

namespace bulkhead::vmspec {

/// A key that a table may have, and its value: nullptr when it is not there, and the readers of
/// values.h give nothing then. `node` is borrowed from the document.
struct Field {
  std::string name;
  const Node* node = nullptr;
  explicit operator bool() const { return node != nullptr; }
};

class TableReader {
 public:
  /// `node` is borrowed for the reader's life. When it is no table the fault is reported, and
  /// every key is absent.
  TableReader(const Node& node, std::string_view name, Faults& faults);

  /// The key is known from now on, and need not be there.
  Field Optional(std::string_view key);
  /// Absent: B0101, at the table's place.
  Field Required(std::string_view key);
  /// B0102 for each key that was not asked for, with the one that may be meant. Call it last.
  void Finish();

  [[nodiscard]] bool is_table() const { return table_ != nullptr; }
  [[nodiscard]] const Origin& origin() const { return origin_; }

 private:
  const Table* table_;
  const Origin& origin_;
  Faults& faults_;
  std::vector<std::string> known_;
};

}  // namespace bulkhead::vmspec
