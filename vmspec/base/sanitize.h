// SPDX-License-Identifier: GPL-2.0-or-later
/// Hostile text made harmless at the boundary, before it meets a log, a terminal, JSON or a panel.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace bulkhead {

/// `text` with every byte that is not plain printable UTF-8 shown as `\xNN`: control characters,
/// escape, C1, invalid UTF-8, bidi controls and other invisible format characters, line and
/// paragraph separators, private use. A backslash becomes `\\`, so that the form is unambiguous.
/// At most `max_bytes` of output, then "...".
std::string Printable(std::string_view text, std::size_t max_bytes = 256);

/// The text is already exactly what Printable would give (nothing to escape).
bool IsPrintable(std::string_view text);

/// As Printable, but lines stay lines: for the output of `bulkhead run` and `console`.
std::string PrintableLines(std::string_view text);

/// The string as a JSON string literal with its quotes; invalid UTF-8 becomes U+FFFD.
std::string JsonString(std::string_view text);

}  // namespace bulkhead
