// SPDX-License-Identifier: GPL-2.0-or-later
/// A file of an older schema rewritten to the current one: `bulkhead spec format --migrate`.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "vmspec/base/error.h"
#include "vmspec/file_names.h"

namespace bulkhead::vmspec {

/// A value that is spelt anew.
struct MigratedValue {
  std::uint32_t line = 0;  ///< of the text before
  std::string key;         ///< "guest.hello-timeout"
  std::string from;        ///< as it was written
  std::string to;
};

struct MigratedText {
  std::string text;
  std::int64_t from = 0;              ///< its schema before
  std::vector<MigratedValue> values;  ///< in order of the text; empty: it is of the current schema
};

/// The text with only those values changed that the newer schema wants otherwise: all else stays,
/// byte for byte. It is proved before it is returned that the result means what Migrate() makes of
/// the text, and that as many words differ as values were changed, and no comment.
///   kInvalid   `text` is not TOML, or says no schema that this version reads
///   kLimit     the result is larger than a spec file may be
///   kInternal  the proof failed: a bug of ours
Result<MigratedText> MigrateText(const SpecPath& path, const std::string& file,
                                 std::string_view text);

}  // namespace bulkhead::vmspec
