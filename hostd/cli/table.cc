// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/cli/table.h"

#include <glib.h>

#include <algorithm>
#include <numeric>

#include "vmspec/base/sanitize.h"

namespace bulkhead::cli {

namespace {

constexpr std::size_t kGap = 2;
constexpr std::size_t kLeastColumn = 6;  // a column is never cut below this
constexpr std::size_t kMaxCellBytes = 1024;

std::size_t WidthOf(gunichar code) {
  if (g_unichar_iszerowidth(code)) return 0;
  return g_unichar_iswide(code) ? 2 : 1;
}

std::string_view Escape(Colour colour) {
  switch (colour) {
    case Colour::kGreen:
      return "\033[32m";
    case Colour::kYellow:
      return "\033[33m";
    case Colour::kRed:
      return "\033[31m";
    case Colour::kDim:
      return "\033[2m";
    case Colour::kNone:
      break;
  }
  return "";
}

/// Bytes of the longest beginning of `text` that takes at most `columns`.
std::size_t BytesWithin(std::string_view text, std::size_t columns) {
  std::size_t bytes = 0;
  std::size_t used = 0;
  while (bytes < text.size()) {
    gunichar code =
        g_utf8_get_char_validated(text.data() + bytes, static_cast<gssize>(text.size() - bytes));
    bool valid = code < 0x110000;
    used += valid ? WidthOf(code) : 1;
    if (used > columns) break;
    bytes += valid ? static_cast<std::size_t>(g_unichar_to_utf8(code, nullptr)) : 1;
  }
  return bytes;
}

void AppendPadded(std::string& line, const std::string& text, Colour tint, std::size_t width,
                  bool colour) {
  std::size_t used = DisplayWidth(text);
  line += Tinted(text, tint, colour);
  line.append(width - std::min(used, width) + kGap, ' ');
}

/// A row: one line, or as many as its highest cell.
std::string Lines(const std::vector<Cell>& cells, const std::vector<std::size_t>& widths, Fit fit,
                  bool colour) {
  std::vector<std::vector<std::string>> pieces;
  std::size_t height = 1;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    pieces.push_back(fit == Fit::kWrap ? WrapTo(cells[i].text, widths[i])
                                       : std::vector{CutTo(cells[i].text, widths[i])});
    height = std::max(height, pieces.back().size());
  }
  std::string out;
  for (std::size_t row = 0; row < height; ++row) {
    std::string line;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      std::string piece = row < pieces[i].size() ? pieces[i][row] : "";
      AppendPadded(line, piece, piece.empty() ? Colour::kNone : cells[i].colour, widths[i], colour);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

}  // namespace

Cell::Cell(std::string_view value, Colour tint)
    : text(value.empty() ? "-" : Printable(value, kMaxCellBytes)), colour(tint) {}

std::size_t DisplayWidth(std::string_view text) {
  std::size_t width = 0;
  while (!text.empty()) {
    gunichar code = g_utf8_get_char_validated(text.data(), static_cast<gssize>(text.size()));
    bool valid = code < 0x110000;
    width += valid ? WidthOf(code) : 1;
    text.remove_prefix(valid ? static_cast<std::size_t>(g_unichar_to_utf8(code, nullptr)) : 1);
  }
  return width;
}

std::string CutTo(std::string_view text, std::size_t columns) {
  if (DisplayWidth(text) <= columns) return std::string(text);
  return std::string(
             text.substr(0, BytesWithin(text, columns - std::min<std::size_t>(columns, 1)))) +
         "…";
}

std::vector<std::string> WrapTo(std::string_view text, std::size_t columns) {
  std::vector<std::string> lines;
  while (DisplayWidth(text) > columns) {
    std::size_t fits = std::max<std::size_t>(BytesWithin(text, columns), 1);
    std::size_t blank = text.substr(0, fits + 1).rfind(' ');
    bool broken = blank == text.npos || blank == 0;  // within a word
    lines.emplace_back(text.substr(0, broken ? fits : blank));
    text.remove_prefix(broken ? fits : blank + 1);
  }
  lines.emplace_back(text);
  return lines;
}

std::string Tinted(std::string_view text, Colour colour, bool enabled) {
  if (!enabled || colour == Colour::kNone) return std::string(text);
  return std::string(Escape(colour)) + std::string(text) + "\033[0m";
}

std::vector<std::size_t> Table::Widths(std::size_t width) const {
  std::vector<std::size_t> widths;
  for (const std::string& title : header_) widths.push_back(DisplayWidth(title));
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], DisplayWidth(row[i].text));
    }
  }
  std::size_t gaps = kGap * (widths.size() - 1);
  while (width > 0 && std::accumulate(widths.begin(), widths.end(), gaps) > width) {
    auto widest = std::max_element(widths.begin(), widths.end());
    if (*widest <= kLeastColumn) break;
    --*widest;
  }
  return widths;
}

std::string Table::Format(std::size_t width, bool colour) const {
  std::vector<std::size_t> widths = Widths(width);
  std::vector<Cell> titles(header_.begin(), header_.end());
  std::string out = Lines(titles, widths, Fit::kCut, false);
  for (const auto& row : rows_) out += Lines(row, widths, fit_, colour);
  return out;
}

}  // namespace bulkhead::cli
