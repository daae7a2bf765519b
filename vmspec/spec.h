// SPDX-License-Identifier: GPL-2.0-or-later
/// From TOML text to a checked SpecSet, or to all faults at once.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "vmspec/base/error.h"
#include "vmspec/model.h"

namespace bulkhead::vmspec {

/// A spec set as text: path relative to its folder -> content. "levels/NAME.toml",
/// "templates/NAME.toml", "flows.toml", "networks.toml", "devices.toml", "host.toml", and drop-ins:
/// "levels/NAME.d/ANY.toml", "flows.d/ANY.toml" ...; nothing else is accepted.
using SpecFiles = std::map<std::string, std::string>;

/// Reads a folder. Only files that a spec set may have are read, at most 4 MiB each, and 4,096 and
/// (CheckSpec) 16 MiB in all; anything else whose name ends in .toml is an error that names it.
Result<SpecFiles> ReadSpecFolder(const std::string& folder);

/// A step of the way that a diagnostic speaks of; without a file: something to add.
struct Note {
  Origin origin;
  std::string message;  ///< one sentence, printable
};

struct Diagnostic {
  std::string code;     ///< stable, "B0102"
  std::string message;  ///< one sentence, printable
  Origin origin;
  std::string label;  ///< what stands under the caret ("did you mean \"memory\"?"), may be empty
  std::string help;   ///< the way out, may be empty
  bool warning = false;
  std::vector<Note> notes{};  ///< B03xx: the whole way, one note for each edge, then remarks
};

struct CheckedSpec {
  SpecSet spec;                         ///< meaningful only when ok()
  std::vector<Diagnostic> diagnostics;  ///< in order of file, line, column
  std::size_t levels = 0;               ///< written down, sound or not
  std::size_t flows = 0;
  [[nodiscard]] bool ok() const;  ///< no error among them (warnings may be)
};

/// Parses and checks; reports every fault it can find in one pass.
CheckedSpec CheckSpec(const SpecFiles& files);

/// The diagnostics as a person reads them: code, place, the source line with a caret, help, and the
/// closing count. Guest- or user-supplied text in it is printable. `colour`: ANSI colours.
std::string FormatDiagnostics(const SpecFiles& files, const CheckedSpec& checked, bool colour);

}  // namespace bulkhead::vmspec
