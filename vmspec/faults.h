// SPDX-License-Identifier: GPL-2.0-or-later
/// Collects what is wrong with a spec set.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "vmspec/spec.h"

namespace bulkhead::vmspec {

/// Keeps the first kMaxFaults; of the rest it keeps the number.
class Faults {
 public:
  static constexpr std::size_t kMaxFaults = 1000;

  /// Text in `message`, `label` and `help` that comes from a spec must have gone through Quoted().
  void Error(std::string_view code, std::string message, const Origin& origin,
             std::string label = {}, std::string help = {});
  void Warning(std::string_view code, std::string message, const Origin& origin,
               std::string label = {}, std::string help = {});

  void Add(Diagnostic diagnostic);
  /// What follows from the last one; forgotten where that was not kept.
  void NoteOnLast(std::string message);

  /// Errors so far, kept or not.
  [[nodiscard]] std::size_t errors() const { return errors_; }

  /// All of them in order of file, line and column, and when there were more than kMaxFaults a
  /// closing word; the collector is empty then.
  std::vector<Diagnostic> Take();

 private:
  std::vector<Diagnostic> kept_;
  std::size_t errors_ = 0;
  std::size_t dropped_errors_ = 0;
  std::size_t dropped_warnings_ = 0;
};

/// The text in quotation marks, printable and not endless: for messages.
std::string Quoted(std::string_view text);

}  // namespace bulkhead::vmspec
