// SPDX-License-Identifier: GPL-2.0-or-later
/// A first look at a text before toml++ reads it: refuses what toml++ 3.3 does not bear.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace bulkhead::vmspec {

struct ScanFault {
  const char* code;
  const char* message;
  std::uint32_t line;
  std::uint32_t column;  ///< in characters
};

/// The first place where the text, outside of its strings and comments, has
///   - more than 256 dots in a line: toml++ makes a table of each and frees them recursively;
///   - more than 65,536 keys, lists, tables and elements: each costs some 200 bytes, and a dotted
///   key
///     a walk through all dotted tables before.
/// Up to the first fault of syntax, where a parser stops, what is a string here is one there.
std::optional<ScanFault> ScanToml(std::string_view text);

}  // namespace bulkhead::vmspec
