// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <string_view>

namespace bulkhead::super {

/// What units print: FOLDER/UNIT.log, and UNIT.log.1 with what was before. Two files of at most
/// kMaxLogBytes each a unit, whatever it prints. Errors are swallowed: a full disk stops no
/// service.
class UnitLog {
 public:
  static constexpr std::size_t kMaxLogBytes = 1 << 20;

  explicit UnitLog(std::string folder) : folder_(std::move(folder)) {}

  void Append(const std::string& unit, std::string_view text);
  /// A line of superd's own about the unit, with the time.
  void Note(const std::string& unit, std::string_view sentence);

  [[nodiscard]] std::string PathOf(const std::string& unit) const {
    return folder_ + "/" + unit + ".log";
  }
  /// The last line the unit printed by itself, without its newline; empty when there is none.
  [[nodiscard]] std::string LastLine(const std::string& unit) const;

 private:
  std::string folder_;
};

}  // namespace bulkhead::super
