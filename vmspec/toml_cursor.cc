// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/toml_cursor.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace bulkhead::vmspec {

namespace {

bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

constexpr std::uint8_t RunsOf(unsigned c) {
  auto bit = [](Run run, bool holds) {
    return holds ? static_cast<std::uint8_t>(run) : std::uint8_t{0};
  };
  bool alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  bool bare = alnum || c == '-' || c == '_';
  bool text = (c >= 0x20 && c != 0x7F) || c == '\t';
  return static_cast<std::uint8_t>(
      bit(Run::kBlanks, c == ' ' || c == '\t') | bit(Run::kBareKey, bare) |
      bit(Run::kBareValue, bare || c == '.' || c == '+' || c == ':') | bit(Run::kComment, text) |
      bit(Run::kBasic, text && c != '"' && c != '\\') | bit(Run::kLiteral, text && c != '\''));
}

constexpr auto kRuns = [] {
  std::array<std::uint8_t, 256> runs{};
  for (unsigned c = 0; c < runs.size(); ++c) runs[c] = RunsOf(c);
  return runs;
}();

/// The bytes of the character at the start of `text`; 0: it is none.
std::size_t Utf8Length(std::string_view text) {
  auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  unsigned lead = at(0);
  if (lead < 0x80) return 1;
  std::size_t n = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < n) return 0;
  if (!std::all_of(text.begin() + 1, text.begin() + static_cast<std::ptrdiff_t>(n),
                   IsContinuation)) {
    return 0;
  }
  // Neither a longer form than is needed, nor a surrogate, nor above U+10FFFF.
  bool sound = lead == 0xE0   ? at(1) >= 0xA0
               : lead == 0xED ? at(1) < 0xA0
               : lead == 0xF0 ? at(1) >= 0x90
               : lead == 0xF4 ? at(1) < 0x90
                              : true;
  return sound ? n : 0;
}

Mark MarkOf(std::string_view before) {
  std::size_t line_begin = before.rfind('\n') + 1;  // npos + 1 is 0
  auto lines = std::count(before.begin(), before.end(), '\n');
  std::string_view line = before.substr(line_begin);
  auto wide = std::count_if(line.begin(), line.end(), IsContinuation);
  return {static_cast<std::uint32_t>(lines) + 1,
          static_cast<std::uint32_t>(line.size() - static_cast<std::size_t>(wide)) + 1};
}

}  // namespace

Cursor::Cursor(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  at_ = line_begin_ = text.data();
  end_ = at_ + text.size();
}

std::uint32_t Cursor::LengthFrom(Mark begin) const {
  Mark here = Here();
  return here.line == begin.line && here.column > begin.column ? here.column - begin.column : 1;
}

bool Cursor::Take(char c) {
  if (at_ == end_ || *at_ != c) return false;
  ++at_;
  return true;
}

bool Cursor::Take(std::string_view text) {
  if (!StartsWith(text)) return false;
  at_ += text.size();
  return true;
}

bool Cursor::TakeLineEnd() {
  if (!Take('\n') && !Take("\r\n")) return false;
  ++line_;
  line_begin_ = at_;
  wide_ = 0;
  return true;
}

std::string_view Cursor::TakeRun(Run run) {
  const char* begin = at_;
  const auto mask = static_cast<unsigned>(run);
  unsigned seen = 0;
  while (at_ != end_ && (kRuns[static_cast<unsigned char>(*at_)] & mask) != 0) {
    seen |= static_cast<unsigned char>(*at_);
    ++at_;
  }
  if (seen >= 0x80) wide_ += std::count_if(begin, at_, IsContinuation);
  return {begin, static_cast<std::size_t>(at_ - begin)};
}

std::optional<Mark> FindInvalidUtf8(std::string_view text) {
  constexpr std::uint64_t kHighBits = 0x8080808080808080;
  std::size_t at = 0;
  while (at < text.size()) {
    std::uint64_t eight = kHighBits;
    if (text.size() - at >= sizeof eight) std::memcpy(&eight, text.data() + at, sizeof eight);
    std::size_t n = (eight & kHighBits) == 0 ? sizeof eight : Utf8Length(text.substr(at));
    if (n == 0) return MarkOf(text.substr(0, at));
    at += n;
  }
  return std::nullopt;
}

bool AppendUtf8(std::string& out, std::uint32_t code) {
  if (code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) return false;
  auto tail = [&](unsigned shift) { return static_cast<char>(0x80 | ((code >> shift) & 0x3F)); };
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += {static_cast<char>(0xC0 | (code >> 6)), tail(0)};
  } else if (code < 0x10000) {
    out += {static_cast<char>(0xE0 | (code >> 12)), tail(6), tail(0)};
  } else {
    out += {static_cast<char>(0xF0 | (code >> 18)), tail(12), tail(6), tail(0)};
  }
  return true;
}

}  // namespace bulkhead::vmspec
