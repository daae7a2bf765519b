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
  static constexpr std::size_t kMaxCompared = 50'000;

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

  /// What further faults would say need not be found out: they are only counted.
  [[nodiscard]] bool full() const { return kept_.size() >= kMaxFaults; }
  /// A word at fault may be held against so many others to find the one that is meant. False when
  /// that has been done often enough: thousands of faults in a set of thousands of names would take
  /// seconds.
  bool MayCompare(std::size_t others);

  /// All of them in order of file, line and column, and when there were more than kMaxFaults a
  /// closing word; the collector is empty then.
  std::vector<Diagnostic> Take();

 private:
  std::vector<Diagnostic> kept_;
  std::size_t errors_ = 0;
  std::size_t compared_ = 0;
  std::size_t dropped_errors_ = 0;
  std::size_t dropped_warnings_ = 0;
};

/// The text in quotation marks, printable and not endless: for messages.
std::string Quoted(std::string_view text);

}  // namespace bulkhead::vmspec
