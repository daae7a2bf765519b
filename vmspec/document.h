// SPDX-License-Identifier: GPL-2.0-or-later
/// A TOML text as plain values, each with its place.
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
/// Lists and tables within each other.
inline constexpr int kMaxDepth = 16;

struct Member;
struct Node;

/// An Origin without a string of its own: there is one in each node.
struct Place {
  const std::string* file = nullptr;  ///< borrowed from the caller of ParseDocument; none: ""
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  std::uint32_t length = 1;
  // NOLINTNEXTLINE(google-explicit-constructor): the same thing in another form
  operator Origin() const {
    return {file == nullptr ? std::string() : *file, line, column, length};
  }
};

/// Members in the order of the file.
struct Table {
  /// How it was made, which decides what may be added to it while the text is read.
  enum class Made : std::uint8_t {
    kByPath,    ///< [a.b] makes "a"
    kByHeader,  ///< [a]
    kInList,    ///< [[a]]
    kByDots,    ///< a.b = 1 makes "a"
    kInline,    ///< {}
  };
  std::vector<Member> members;
  Made made = Made::kInline;
  std::uint32_t index = 0;  ///< TomlTables' own
};
using Array = std::vector<Node>;
/// Floats, dates and times: no key of ours takes one.
struct OtherValue {};

struct Node {
  Place origin;
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
  Place origin;  ///< of the key
  Node value;
};

/// The value of a table's member; nullptr when the node is no table or has no such key.
const Node* Find(const Node& node, std::string_view key);
Node* Find(Node& node, std::string_view key);

/// Parses `text`; the root node is a table, and its places borrow `file`. Nothing when it is not
/// TOML or larger, deeper or richer than a spec file may be: the fault is in `faults` then. Total:
/// any bytes are allowed, and none cost more than some multiple of them in time and memory.
std::optional<Node> ParseDocument(const std::string& file, std::string_view text, Faults& faults);
/// The same where one fault is enough: kInvalid, and its place ("flows.toml:3:1: ...").
Result<Node> ReadDocument(const std::string& file, std::string_view text);
std::optional<Node> ParseDocument(std::string&&, std::string_view, Faults&) = delete;

}  // namespace bulkhead::vmspec
