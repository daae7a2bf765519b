// SPDX-License-Identifier: GPL-2.0-or-later
/// A TOML text as it was written: comments, the spelling of every key and value, groups of lines.
/// What `spec format` lays out anew; document.h is what the text means.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bulkhead::vmspec::layout {

/// Comments on lines of their own, "#" included; "" is an empty line.
using Lines = std::vector<std::string>;

struct Item;
struct Pair;

struct Value {
  enum class Kind : std::uint8_t { kScalar, kArray, kTable } kind = Kind::kScalar;
  std::string text;         ///< kScalar: as written
  std::string comment;      ///< kArray: behind "["
  std::vector<Item> items;  ///< kArray
  Lines rest;               ///< kArray: before "]"
  std::vector<Pair> pairs;  ///< kTable: { a = 1 }
};

struct Item {
  Lines before;
  Value value;
  std::string comment;  ///< behind it, on its line
};

struct Pair {
  std::string key;  ///< without blanks: a."b c".d
  Value value;
};

struct Statement {
  enum class Kind : std::uint8_t { kEmptyLine, kComment, kHeader, kPair } kind = Kind::kEmptyLine;
  std::string text;  ///< the comment, the header with its brackets, or the key
  Value value;       ///< kPair
  std::string comment;
};

/// Reads a text that ParseDocument() takes for TOML. Nothing for some other texts, and nonsense for
/// the rest of them; never more than some multiple of the text.
std::optional<std::vector<Statement>> Read(std::string_view text);

/// The length of the string literal that `text` begins with, quotes included.
std::size_t StringLength(std::string_view text);

}  // namespace bulkhead::vmspec::layout
