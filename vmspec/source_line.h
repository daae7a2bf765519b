// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <string_view>

#include "vmspec/model.h"

namespace bulkhead::vmspec {

/// A line of a spec file as it is shown, with where the carets go, in characters of `text`.
struct SourceLine {
  std::string text;  ///< printable; a window of it when the line is long
  std::size_t indent = 0;
  std::size_t carets = 1;
};

/// Shows places of one file. In the order of the file, each costs no more than the way from the one
/// before; there may be a thousand in a file of megabytes.
class SourceText {
 public:
  SourceText() = default;
  explicit SourceText(std::string_view content) : content_(content) {}

  /// The line of `origin`; empty when there is no such line.
  SourceLine Show(const Origin& origin);
  /// The byte that `origin` is the place of; that of the end when there is no such line.
  std::size_t Offset(const Origin& origin);

 private:
  void GoToLine(std::uint32_t number);
  /// The bytes of the line from the character with that number, which counts from 0.
  std::string_view GoToCharacter(std::size_t number);

  std::string_view content_;
  std::uint32_t line_ = 1;
  std::size_t begin_ = 0;      ///< of line_ in content_; npos: there is no such line
  std::size_t end_ = npos;     ///< of line_; npos: not looked for
  std::size_t character_ = 0;  ///< in line_
  std::size_t offset_ = 0;     ///< its bytes from begin_

  static constexpr std::size_t npos = std::string_view::npos;
};

/// The same in a file as a whole, which may begin with a byte order mark.
std::size_t OffsetOf(std::string_view content, const Origin& origin);

}  // namespace bulkhead::vmspec
