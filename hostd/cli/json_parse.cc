// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <charconv>
#include <optional>

#include "hostd/cli/json.h"

namespace bulkhead::cli {

namespace {

constexpr int kMaxDepth = 32;

/// Recursive descent over one text. Each Parse... leaves `at_` behind what it read, or sets fault_.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<Json> Whole() {
    Json value = Value(0);
    SkipSpace();
    if (!fault_ && at_ != text_.size()) Fault();
    if (fault_) return Fail(ErrorCode::kInvalid, "not JSON at byte " + std::to_string(*fault_ + 1));
    return value;
  }

 private:
  void Fault() {
    if (!fault_) fault_ = at_;
  }
  [[nodiscard]] char Peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  void SkipSpace() {
    while (at_ < text_.size() && std::string_view(" \t\r\n").contains(text_[at_])) ++at_;
  }
  bool Take(char c) {
    SkipSpace();
    if (Peek() != c || at_ >= text_.size()) return false;
    ++at_;
    return true;
  }
  void Expect(char c) {
    if (!Take(c)) Fault();
  }
  bool TakeWord(std::string_view word) {
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }

  Json Value(int depth) {
    SkipSpace();
    if (depth > kMaxDepth) Fault();
    if (fault_) return {};
    switch (Peek()) {
      case '{':
        return Object(depth);
      case '[':
        return Array(depth);
      case '"':
        return String();
      default:
        break;
    }
    if (TakeWord("true")) return true;
    if (TakeWord("false")) return false;
    if (TakeWord("null")) return {};
    return NumberValue();
  }

  Json Object(int depth) {
    JsonMembers all;
    Expect('{');
    if (Take('}')) return all;
    do {
      SkipSpace();
      std::string key = String();
      Expect(':');
      all.emplace_back(std::move(key), Value(depth + 1));
    } while (!fault_ && Take(','));
    Expect('}');
    return all;
  }

  Json Array(int depth) {
    JsonArray all;
    Expect('[');
    if (Take(']')) return all;
    do all.push_back(Value(depth + 1));
    while (!fault_ && Take(','));
    Expect(']');
    return all;
  }

  Json NumberValue() {
    const char* begin = text_.data() + at_;
    const char* end = text_.data() + text_.size();
    std::int64_t whole = 0;
    auto [stop, error] = std::from_chars(begin, end, whole);
    bool fraction = stop != end && std::string_view(".eE").contains(*stop);
    if (error == std::errc() && !fraction) {
      at_ += static_cast<std::size_t>(stop - begin);
      return whole;
    }
    double real = 0;
    auto [real_stop, real_error] = std::from_chars(begin, end, real, std::chars_format::general);
    if (real_error != std::errc() || (*begin != '-' && (*begin < '0' || *begin > '9'))) Fault();
    at_ += static_cast<std::size_t>(real_stop - begin);
    return real;
  }

  std::string String() {
    std::string out;
    Expect('"');
    while (!fault_) {
      char c = Peek();
      if (at_ >= text_.size() || static_cast<unsigned char>(c) < 0x20) {
        Fault();
        break;
      }
      ++at_;
      if (c == '"') break;
      if (c == '\\') {
        Escape(out);
      } else {
        out += c;
      }
    }
    return out;
  }

  void Escape(std::string& out) {
    constexpr std::string_view kNames = "\"\\/bfnrt";
    constexpr std::string_view kValues = "\"\\/\b\f\n\r\t";
    char c = Peek();
    ++at_;
    if (auto i = kNames.find(c); i != std::string_view::npos) {
      out += kValues[i];
    } else if (c == 'u') {
      AppendUtf8(out, Unicode());
    } else {
      --at_;
      Fault();
    }
  }

  char32_t Unicode() {
    char32_t code = HexUnit();
    if (code >= 0xD800 && code < 0xDC00 && TakeWord("\\u")) {
      char32_t low = HexUnit();
      if (low < 0xDC00 || low > 0xDFFF) Fault();
      return 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    if (code >= 0xD800 && code <= 0xDFFF) Fault();
    return code;
  }

  char32_t HexUnit() {
    unsigned unit = 0;
    const char* begin = text_.data() + at_;
    const char* end = begin + std::min<std::size_t>(4, text_.size() - at_);
    auto [stop, error] = std::from_chars(begin, end, unit, 16);
    if (error != std::errc() || stop - begin != 4) Fault();
    at_ += static_cast<std::size_t>(stop - begin);
    return unit;
  }

  static void AppendUtf8(std::string& out, char32_t code) {
    auto tail = [&](int shift) { out += static_cast<char>(0x80 | ((code >> shift) & 0x3F)); };
    if (code < 0x80) {
      out += static_cast<char>(code);
    } else if (code < 0x800) {
      out += static_cast<char>(0xC0 | (code >> 6));
      tail(0);
    } else if (code < 0x10000) {
      out += static_cast<char>(0xE0 | (code >> 12));
      tail(6), tail(0);
    } else {
      out += static_cast<char>(0xF0 | (code >> 18));
      tail(12), tail(6), tail(0);
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::optional<std::size_t> fault_;
};

}  // namespace

Result<Json> ParseJson(std::string_view text) { return Parser(text).Whole(); }

}  // namespace bulkhead::cli
