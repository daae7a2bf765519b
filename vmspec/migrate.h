// SPDX-License-Identifier: GPL-2.0-or-later
/// Files of older schemas, read as if they were of the current one, or rewritten.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "vmspec/document.h"
#include "vmspec/file_names.h"

namespace bulkhead::vmspec {

/// One change of meaning between two schemas.
struct Migration {
  std::int64_t from;      ///< to `from` + 1
  std::string_view file;  ///< for people
  std::string_view what;
  bool (*concerns)(const SpecPath& path);
  void (*step)(Node& document);  ///< changes single values, never keys or lists: see migrate_text.h
};
std::span<const Migration> Migrations();

/// `schema` of the document; nothing when it says none that this version reads.
std::optional<std::int64_t> SchemaOf(const Node& document);
/// "this version of Bulkhead reads schemas 1 to 2".
std::string SchemasRead();

/// `document` is sound TOML of schema `from` (kOldestSchema..kCurrentSchema); afterwards it reads
/// as one of the current schema. Values keep their places.
void Migrate(const SpecPath& path, std::int64_t from, Node& document);

}  // namespace bulkhead::vmspec
