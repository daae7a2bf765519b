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
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  // The reader does not count it.
  std::size_t mark = content.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0;
  return mark + SourceText(content.substr(mark)).Offset(origin);
}

std::size_t SourceText::Offset(const Origin& origin) {
  GoToLine(origin.line);
  if (begin_ == npos) return content_.size();
  std::string_view rest = GoToCharacter(std::max(origin.column, 1U) - 1);
  return static_cast<std::size_t>(rest.data() - content_.data());
}

void SourceText::GoToLine(std::uint32_t number) {
  if (number == line_) return;
  if (number < line_) {
    line_ = 1;
    begin_ = 0;
  }
  for (; line_ < number && begin_ != npos; ++line_) {
    std::size_t end = content_.find('\n', begin_);
    begin_ = end == npos ? npos : end + 1;
  }
  line_ = number;
  end_ = npos;
  character_ = offset_ = 0;
}

std::string_view SourceText::GoToCharacter(std::size_t number) {
  if (begin_ == npos) return {};
  if (end_ == npos) end_ = std::min(content_.find('\n', begin_), content_.size());
  std::string_view line = content_.substr(begin_, end_ - begin_);
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (number < character_) character_ = offset_ = 0;
  std::string_view rest = line.substr(offset_);
  TakeCharacters(rest, number - character_);
  character_ = number;
  offset_ = line.size() - rest.size();
  return rest;
}

SourceLine SourceText::Show(const Origin& origin) {
  GoToLine(origin.line);
  std::size_t before = std::max(origin.column, 1U) - 1;
  std::string start = before > kBefore ? "..." : "";
  std::string_view rest = GoToCharacter(before > kBefore ? before - kBefore : 0);
  start += Shown(TakeCharacters(rest, std::min(before, kBefore)));
  std::string marked = Shown(TakeCharacters(rest, std::min<std::size_t>(origin.length, kBehind)));
  std::string end = Shown(TakeCharacters(rest, kBehind));
  if (!rest.empty()) end += "...";
  return {start + marked + end, Width(start), std::max<std::size_t>(Width(marked), 1)};
}

}  // namespace bulkhead::vmspec
