// SPDX-License-Identifier: GPL-2.0-or-later
/// The one layout of spec files: `bulkhead spec format`.
#pragma once

#include <string>
#include <string_view>

#include "vmspec/base/error.h"

namespace bulkhead::vmspec {

/// The text in canonical layout. All comments, the order and spelling of all keys and values stay;
/// only blanks, line ends, empty lines and the commas before "]" change:
///   - one empty line before a table and the comments that stand right above it, none behind its
///     header, at most one anywhere else;
///   - `key = value`; in a run of lines with keys the "=" stand in one column (keys of more than 24
///     characters stay apart), and so do comments behind short lines;
///   - a list stands on one line where that fits 100 columns, unless it has comments or more than
///     one table in it; else one element a line, indented by two, with a comma behind each;
///   - `{ a = 1, b = 2 }`; no blanks at line ends; one line end at the end.
/// Formatting it again changes nothing.
///
/// The result is proved before it is returned: it is TOML, means the same, and has the same words
/// and comments in the same order.
///   kInvalid   `text` is not TOML; the message has the place: "flows.toml:3:1: ..."
///   kLimit     laid out, it is larger than a spec file may be
///   kInternal  the proof failed: a bug of ours
Result<std::string> FormatToml(const std::string& file, std::string_view text);

}  // namespace bulkhead::vmspec
