// SPDX-License-Identifier: GPL-2.0-or-later
/// A spec set and what the checker says of it, as org.bulkhead.Host1 carries them: both ends, for
/// hostd and its CLI. All results of ToVariant() are floating, as GVariant builders want them.
#pragma once

#include <string>
#include <vector>

#include "hostd/gptr.h"
#include "vmspec/spec.h"

namespace bulkhead::hostd {

/// One diagnostic: code, message, file, line, column, length, label, help, warning, and its notes:
/// file (empty: something to add), line, message.
inline constexpr char kDiagnosticsType[] = "a(sssuuussba(sus))";

/// What GVariant may hold: invalid UTF-8 (a bug of ours) would end the connection to the bus.
std::string Safe(const std::string& text);

/// kDiagnosticsType. Nothing that FormatDiagnostics() prints is lost.
GVariant* ToVariant(const std::vector<vmspec::Diagnostic>& diagnostics);
/// `list` is of kDiagnosticsType; its strings may be anyone's: not printable for sure.
std::vector<vmspec::Diagnostic> DiagnosticsFrom(GVariant* list);

/// "a{ss}"
GVariant* ToVariant(const vmspec::SpecFiles& files);
vmspec::SpecFiles SpecFilesFrom(GVariant* dict);

}  // namespace bulkhead::hostd
