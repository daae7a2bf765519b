// SPDX-License-Identifier: GPL-2.0-or-later
/// Columns for people: aligned by what a terminal shows, not by bytes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bulkhead::cli {

enum class Colour { kNone, kGreen, kYellow, kRed, kDim };

/// One cell. The text is made printable when the cell is made: no table can carry an escape.
struct Cell {
  Cell(std::string_view value, Colour tint = Colour::kNone);
  Cell(const char* value) : Cell(std::string_view(value)) {}
  Cell(const std::string& value) : Cell(std::string_view(value)) {}
  std::string text;
  Colour colour;
};

/// Columns that `text` takes on a terminal: 2 for wide (East Asian, emoji), 0 for combining marks.
std::size_t DisplayWidth(std::string_view text);

/// `text` cut to at most `columns`, the last of which is then "…".
std::string CutTo(std::string_view text, std::size_t columns);

/// `text` between the escapes of `colour`, or as it is when `enabled` is false.
std::string Tinted(std::string_view text, Colour colour, bool enabled);

/// `text` in lines of at most `columns`, broken at blanks, and within a word that is longer.
std::vector<std::string> WrapTo(std::string_view text, std::size_t columns);

/// What becomes of a cell that is wider than its column.
enum class Fit {
  kCut,   ///< a row stays a line; for what can be asked for in full otherwise
  kWrap,  ///< nothing is left out; for what somebody decides by
};

class Table {
 public:
  explicit Table(std::vector<std::string> header, Fit fit = Fit::kCut)
      : header_(std::move(header)), fit_(fit) {}
  void Add(std::vector<Cell> row) { rows_.push_back(std::move(row)); }

  /// Header and rows, two spaces between columns, no blanks at line ends.
  /// width 0: as wide as needed; else the widest columns are made narrower until a line fits.
  [[nodiscard]] std::string Format(std::size_t width, bool colour) const;

 private:
  [[nodiscard]] std::vector<std::size_t> Widths(std::size_t width) const;
  std::vector<std::string> header_;
  Fit fit_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace bulkhead::cli
