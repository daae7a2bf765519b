// SPDX-License-Identifier: GPL-2.0-or-later
/// A TOML text as plain values, each with its place. document.cc is the only file that knows
/// toml++.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "vmspec/base/error.h"
#include "vmspec/faults.h"
#include "vmspec/model.h"

namespace bulkhead::vmspec {

inline constexpr std::size_t kMaxFileBytes = 4UL << 20;
inline constexpr std::size_t kMaxFiles = 4096;
inline constexpr std::size_t kMaxSetBytes = 16UL << 20;

struct Member;
struct Node;

/// Members in the order of the file.
struct Table {
  std::vector<Member> members;
};
using Array = std::vector<Node>;
/// Floats, dates and times: no key of ours takes one.
struct OtherValue {};

struct Node {
  Origin origin;
  std::variant<OtherValue, bool, std::int64_t, std::string, Array, Table> value;

  /// nullptr when the value is of another type.
  template <typename T>
  [[nodiscard]] const T* As() const {
    return std::get_if<T>(&value);
  }
  /// "a string", "a table" ... for messages.
  [[nodiscard]] std::string_view TypeName() const;
};

struct Member {
  std::string key;
  Origin origin;  ///< of the key
  Node value;
};

/// The value of a table's member; nullptr when the node is no table or has no such key.
const Node* Find(const Node& node, std::string_view key);
Node* Find(Node& node, std::string_view key);

/// Parses `text`; the root node is a table. Nothing when it is not TOML or larger, deeper or richer
/// than a spec file may be: the fault is in `faults` then. Total: any bytes are allowed.
std::optional<Node> ParseDocument(const std::string& file, std::string_view text, Faults& faults);
/// The same where one fault is enough: kInvalid, and its place ("flows.toml:3:1: ...").
Result<Node> ReadDocument(const std::string& file, std::string_view text);

}  // namespace bulkhead::vmspec
