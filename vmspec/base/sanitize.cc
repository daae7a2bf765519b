// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/base/sanitize.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <optional>

namespace bulkhead {

namespace {

struct Decoded {
  char32_t code;
  std::size_t bytes;
};

/// Strict UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF.
std::optional<Decoded> DecodeUtf8(std::string_view in) {
  auto at = [&](std::size_t i) { return static_cast<std::uint8_t>(in[i]); };
  std::uint8_t lead = at(0);
  if (lead < 0x80) return Decoded{lead, 1};
  std::size_t n = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || in.size() < n) return std::nullopt;
  char32_t code = lead & (0xFF >> (n + 1));
  for (std::size_t i = 1; i < n; ++i) {
    if ((at(i) & 0xC0) != 0x80) return std::nullopt;
    code = (code << 6) | (at(i) & 0x3F);
  }
  static constexpr char32_t kMin[] = {0, 0, 0x80, 0x800, 0x10000};
  if (code < kMin[n] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return std::nullopt;
  return Decoded{code, n};
}

/// Characters that change how their neighbours look, or look like nothing (Unicode Cc, Cf, Zl, Zp,
/// Co, non-characters, variation selectors, blank fillers).
bool IsDeceptive(char32_t c) {
  auto in = [c](char32_t a, char32_t b) { return c >= a && c <= b; };
  return c < 0x20 || in(0x7F, 0x9F) || c == 0xAD || c == 0x34F || in(0x600, 0x605) || c == 0x61C ||
         c == 0x6DD || c == 0x70F || in(0x890, 0x891) || c == 0x8E2 || in(0x115F, 0x1160) ||
         in(0x17B4, 0x17B5) || in(0x180B, 0x180F) || in(0x200B, 0x200F) || in(0x2028, 0x202E) ||
         in(0x2060, 0x206F) || c == 0x3164 || in(0xE000, 0xF8FF) || in(0xFDD0, 0xFDEF) ||
         in(0xFE00, 0xFE0F) || c == 0xFEFF || c == 0xFFA0 || in(0xFFF0, 0xFFFB) ||
         (c & 0xFFFE) == 0xFFFE || c == 0x110BD || c == 0x110CD || in(0x13430, 0x1343F) ||
         in(0x1BCA0, 0x1BCA3) || in(0x1D173, 0x1D17A) || in(0xE0000, 0x10FFFF);
}

void AppendEscaped(std::string& out, std::string_view bytes) {
  for (char b : bytes) {
    char hex[5];
    std::snprintf(hex, sizeof hex, "\\x%02X", static_cast<std::uint8_t>(b));
    out += hex;
  }
}

template <typename Keep>
std::string Escape(std::string_view text, std::size_t max_bytes, Keep keep) {
  std::string out;
  while (!text.empty()) {
    auto decoded = DecodeUtf8(text);
    std::size_t n = decoded ? decoded->bytes : 1;
    std::string piece;
    if (decoded && keep(decoded->code)) {
      piece = text.substr(0, n);
    } else if (decoded && decoded->code == U'\\') {
      piece = "\\\\";
    } else if (!decoded || IsDeceptive(decoded->code)) {
      AppendEscaped(piece, text.substr(0, n));
    } else {
      piece = text.substr(0, n);
    }
    if (out.size() + piece.size() > max_bytes) return out + "...";
    out += piece;
    text.remove_prefix(n);
  }
  return out;
}

}  // namespace

/// Printable ASCII but the backslash: what nearly all names and texts are.
static bool IsPlain(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return c >= ' ' && c <= '~' && c != '\\'; });
}

std::string Printable(std::string_view text, std::size_t max_bytes) {
  if (text.size() <= max_bytes && IsPlain(text)) return std::string(text);
  return Escape(text, max_bytes, [](char32_t) { return false; });
}

bool IsPrintable(std::string_view text) {
  return IsPlain(text) || Printable(text, text.size()) == text;
}

std::string PrintableLines(std::string_view text) {
  return Escape(text, SIZE_MAX - 8,
                [](char32_t c) { return c == U'\n' || c == U'\t' || c == U'\\'; });
}

std::string JsonString(std::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    auto decoded = DecodeUtf8(text);
    std::size_t n = decoded ? decoded->bytes : 1;
    if (!decoded) {
      out += "\xEF\xBF\xBD";
    } else if (decoded->code == U'"' || decoded->code == U'\\') {
      out += '\\';
      out += text[0];
    } else if (decoded->code < 0x20 || decoded->code == 0x7F) {
      char hex[8];
      std::snprintf(hex, sizeof hex, "\\u%04x", static_cast<unsigned>(decoded->code));
      out += hex;
    } else {
      out += text.substr(0, n);
    }
    text.remove_prefix(n);
  }
  return out + "\"";
}

}  // namespace bulkhead
