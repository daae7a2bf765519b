// SPDX-License-Identifier: GPL-2.0-or-later
/// What the spec commands share: sending a set to hostd, and printing what came of it.
#pragma once

#include "hostd/cli/context.h"
#include "hostd/cli/dict.h"
#include "hostd/cli/json.h"
#include "vmspec/spec.h"

namespace bulkhead::cli {

inline constexpr std::chrono::minutes kApplyDeadline{2};
inline constexpr unsigned kMostVersion = 4'000'000'000U;  ///< of the history, as words take it

/// What ApplySpec and Rollback answer.
struct ApplyAnswer {
  vmspec::SpecFiles files;
  vmspec::CheckedSpec checked;
  Dict result{nullptr};
  std::vector<std::pair<std::string, std::vector<std::string>>> restart_needed;
};

/// "a{ss}", floating. kInvalid: a file that no D-Bus string can hold.
Result<GVariant*> FilesVariant(const vmspec::SpecFiles& files);
/// {"comment": ...}, floating.
GVariant* CommentOptions(const std::string& comment);
/// hostd's diagnostics and result, the children `first` and `first + 1` of its answer. `counted` is
/// the same set, checked here: it knows how many levels and flows are written down.
ApplyAnswer AnswerFrom(GVariant* answer, gsize first, vmspec::SpecFiles files,
                       const vmspec::CheckedSpec& counted);

/// Diagnostics, and what hostd did; the exit code.
int ReportCheck(const Context& context, const vmspec::SpecFiles& files,
                const vmspec::CheckedSpec& checked);
int ReportApplied(const Context& context, const ApplyAnswer& answer);
/// "2026-11-24 12:48:30", UTC; empty when it is not known.
std::string SpellTime(std::int64_t unix_ms);
/// The files of a set, one after the other.
void PrintFiles(const Context& context, const vmspec::SpecFiles& files);

}  // namespace bulkhead::cli
