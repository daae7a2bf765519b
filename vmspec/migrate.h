// SPDX-License-Identifier: GPL-2.0-or-later
/// Files of older schemas, read as if they were of the current one.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "vmspec/document.h"
#include "vmspec/file_names.h"

namespace bulkhead::vmspec {

/// One change of meaning between two schemas, for people and for `spec format --migrate`.
struct Migration {
  std::int64_t from;  ///< to `from` + 1
  std::string_view file;
  std::string_view what;
};
std::span<const Migration> Migrations();

/// `document` is sound TOML of schema `from` (kOldestSchema..kCurrentSchema); afterwards it reads
/// as one of the current schema. Values keep their places.
void Migrate(const SpecPath& path, std::int64_t from, Node& document);

}  // namespace bulkhead::vmspec
