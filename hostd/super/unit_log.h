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

  /// `echo`: every line also goes to standard error, after the unit's name: for the journal.
  explicit UnitLog(std::string folder, bool echo = false)
      : folder_(std::move(folder)), echo_(echo) {}

  void Append(const std::string& unit, std::string_view text);
  /// A line of superd's own about the unit, with the time.
  void Note(const std::string& unit, std::string_view sentence);

  [[nodiscard]] std::string PathOf(const std::string& unit) const {
    return folder_ + "/" + unit + ".log";
  }
  /// The last line the unit printed by itself, without its newline; empty when there is none.
  [[nodiscard]] std::string LastLine(const std::string& unit) const;

 private:
  void Echo(const std::string& unit, std::string_view text) const;
  void Write(const std::string& unit, std::string_view text) const;

  std::string folder_;
  bool echo_;
};

}  // namespace bulkhead::super
