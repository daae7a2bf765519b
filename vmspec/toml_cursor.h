// SPDX-License-Identifier: GPL-2.0-or-later
/// A place in a TOML text that only moves forward, and knows its line and column.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bulkhead::vmspec {

/// Line, and column in characters; both count from 1.
struct Mark {
  std::uint32_t line = 1;
  std::uint32_t column = 1;
};

/// What a run of characters may be made of. In comments and strings every character of more than
/// one byte may stand.
enum class Run : std::uint8_t {
  kBlanks = 1,
  kBareKey = 2,
  kBareValue = 4,
  kComment = 8,
  kBasic = 16,    ///< of "...": neither quote, backslash nor control character
  kLiteral = 32,  ///< of '...'
};

/// Borrows the text, which is UTF-8 (FindInvalidUtf8). A byte order mark at its start is skipped.
class Cursor {
 public:
  explicit Cursor(std::string_view text);

  [[nodiscard]] bool AtEnd() const { return at_ == end_; }
  /// The next byte; NUL at the end, and where there is a NUL.
  [[nodiscard]] char Peek() const { return at_ == end_ ? '\0' : *at_; }
  [[nodiscard]] bool StartsWith(std::string_view text) const { return Rest().starts_with(text); }
  [[nodiscard]] std::string_view Rest() const {
    return {at_, static_cast<std::size_t>(end_ - at_)};
  }
  [[nodiscard]] Mark Here() const {
    return {line_, static_cast<std::uint32_t>(at_ - line_begin_ - wide_) + 1};
  }
  /// Characters from `begin` to here; 1 when it is in another line.
  [[nodiscard]] std::uint32_t LengthFrom(Mark begin) const;

  /// Past `bytes` that are ASCII and no line end.
  void Skip(std::size_t bytes) { at_ += bytes; }
  /// Past that text when it comes next; it is ASCII, without line end.
  bool Take(char c);
  bool Take(std::string_view text);
  /// Past "\n" or "\r\n".
  bool TakeLineEnd();
  /// Past all characters of that kind.
  std::string_view TakeRun(Run run);

 private:
  const char* at_;
  const char* end_;
  const char* line_begin_;
  std::ptrdiff_t wide_ = 0;  ///< bytes since line_begin_ that begin no character
  std::uint32_t line_ = 1;
};

/// The first place whose bytes are no UTF-8 (RFC 3629).
std::optional<Mark> FindInvalidUtf8(std::string_view text);

/// For U+0000 to U+D7FF and U+E000 to U+10FFFF; false, and nothing appended, for the rest.
bool AppendUtf8(std::string& out, std::uint32_t code);

}  // namespace bulkhead::vmspec
