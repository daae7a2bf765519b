// SPDX-License-Identifier: GPL-2.0-or-later
/// TOML's four kinds of strings.
#pragma once

#include <string>

#include "vmspec/toml_cursor.h"

namespace bulkhead::vmspec {

/// Where and why a text is no TOML.
struct TomlFault {
  std::string message;  ///< empty: there is none
  Mark mark;
};

/// Reads the string that begins with the quote at `cursor`, and stops behind it. `key`: it may not
/// have several lines. False: it is at fault, and `fault` says how.
bool ReadTomlString(Cursor& cursor, bool key, std::string& out, TomlFault& fault);

}  // namespace bulkhead::vmspec
