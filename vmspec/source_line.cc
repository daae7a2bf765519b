// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/source_line.h"

#include <algorithm>

#include "vmspec/base/sanitize.h"

namespace bulkhead::vmspec {

namespace {

/// What stands before and behind the place in a long line, in characters.
constexpr std::size_t kBefore = 100;
constexpr std::size_t kBehind = 120;

bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

std::string_view LineOf(std::string_view content, std::uint32_t number) {
  for (std::uint32_t i = 1; i < number; ++i) {
    std::size_t end = content.find('\n');
    if (end == std::string_view::npos) return {};
    content.remove_prefix(end + 1);
  }
  std::string_view line = content.substr(0, content.find('\n'));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

/// The first `n` characters of `text`, cut off from it.
std::string_view TakeCharacters(std::string_view& text, std::size_t n) {
  std::size_t bytes = 0;
  while (bytes < text.size() && n > 0) {
    ++bytes;
    while (bytes < text.size() && IsContinuation(text[bytes])) ++bytes;
    --n;
  }
  std::string_view taken = text.substr(0, bytes);
  text.remove_prefix(bytes);
  return taken;
}

std::string Shown(std::string_view piece) {
  std::string text = PrintableLines(piece);
  std::replace(text.begin(), text.end(), '\t', ' ');
  return text;
}

std::size_t Width(std::string_view text) {
  return text.size() -
         static_cast<std::size_t>(std::count_if(text.begin(), text.end(), IsContinuation));
}

}  // namespace

std::size_t OffsetOf(std::string_view content, const Origin& origin) {
  std::string_view line = LineOf(content, origin.line);
  if (line.data() == nullptr) return content.size();
  auto start = static_cast<std::size_t>(line.data() - content.data());
  // The parser does not count a byte order mark.
  if (start == 0 && line.starts_with("\xEF\xBB\xBF")) {
    line.remove_prefix(3);
    start = 3;
  }
  return start + TakeCharacters(line, std::max(origin.column, 1U) - 1).size();
}

SourceLine ShowLine(std::string_view content, const Origin& origin) {
  std::string_view rest = LineOf(content, origin.line);
  std::size_t before = std::max(origin.column, 1U) - 1;
  std::string start;
  if (before > kBefore) {
    TakeCharacters(rest, before - kBefore);
    before = kBefore;
    start = "...";
  }
  start += Shown(TakeCharacters(rest, before));
  std::string marked = Shown(TakeCharacters(rest, std::min<std::size_t>(origin.length, kBehind)));
  std::string end = Shown(TakeCharacters(rest, kBehind));
  if (!rest.empty()) end += "...";
  return {start + marked + end, Width(start), std::max<std::size_t>(Width(marked), 1)};
}

}  // namespace bulkhead::vmspec
