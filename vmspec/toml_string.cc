// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/toml_string.h"

namespace bulkhead::vmspec {

namespace {

constexpr std::string_view kEscapes = "btnfr\"\\";
constexpr std::string_view kEscaped = "\b\t\n\f\r\"\\";

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

class StringReader {
 public:
  StringReader(Cursor& cursor, std::string& out, TomlFault& fault)
      : cursor_(cursor), out_(out), fault_(fault), begin_(cursor.Here()), quote_(cursor.Peek()) {}

  bool Read(bool key) {
    const char three[] = {quote_, quote_, quote_};
    const std::string_view triple(three, sizeof three);
    if (!cursor_.StartsWith(triple)) return ReadOneLine();
    if (key) return Fail("a key stands on one line, in single quotation marks", begin_);
    cursor_.Skip(triple.size());
    cursor_.TakeLineEnd();
    return ReadLines(triple);
  }

 private:
  [[nodiscard]] Run OwnRun() const { return quote_ == '"' ? Run::kBasic : Run::kLiteral; }

  bool ReadOneLine() {
    cursor_.Skip(1);
    while (true) {
      out_ += cursor_.TakeRun(OwnRun());
      if (cursor_.Take(quote_)) return true;
      if (quote_ == '"' && cursor_.Peek() == '\\') {
        if (!ReadEscape()) return false;
      } else {
        return Unfinished("the string does not end on its line");
      }
    }
  }

  bool ReadLines(std::string_view triple) {
    while (true) {
      out_ += cursor_.TakeRun(OwnRun());
      if (cursor_.Take(triple)) {
        // Up to two more quotes are the string's last characters.
        for (int more = 0; more < 2 && cursor_.Take(quote_); ++more) out_ += quote_;
        return true;
      }
      if (cursor_.Take(quote_)) {
        out_ += quote_;
      } else if (cursor_.TakeLineEnd()) {
        out_ += '\n';
      } else if (quote_ == '"' && cursor_.Peek() == '\\') {
        if (!SkipContinuedLine() && !ReadEscape()) return false;
      } else {
        return Unfinished("the string does not end");
      }
    }
  }

  /// A backslash at the end of a line, and the white space up to the next text.
  bool SkipContinuedLine() {
    std::string_view rest = cursor_.Rest();
    std::size_t next = rest.find_first_not_of(" \t", 1);
    if (next == rest.npos || (rest[next] != '\n' && !rest.substr(next).starts_with("\r\n"))) {
      return false;
    }
    cursor_.Skip(next);
    while (cursor_.TakeLineEnd() || !cursor_.TakeRun(Run::kBlanks).empty()) {
    }
    return true;
  }

  bool ReadEscape() {
    Mark mark = cursor_.Here();
    cursor_.Skip(1);
    char c = cursor_.Peek();
    if (c == 'u' || c == 'U') return ReadCodePoint(mark, c == 'u' ? 4 : 8);
    std::size_t place = kEscapes.find(c);
    if (place == kEscapes.npos) {
      return Fail("there is no such escape; write \"\\\\\" for a backslash", mark);
    }
    out_ += kEscaped[place];
    cursor_.Skip(1);
    return true;
  }

  bool ReadCodePoint(Mark mark, int digits) {
    cursor_.Skip(1);
    std::uint32_t code = 0;
    for (int i = 0; i < digits; ++i) {
      int digit = HexDigit(cursor_.Peek());
      if (digit < 0) return Fail("\"\\u\" takes 4 hexadecimal digits, \"\\U\" takes 8", mark);
      code = code << 4 | static_cast<std::uint32_t>(digit);
      cursor_.Skip(1);
    }
    return AppendUtf8(out_, code) || Fail("there is no such character", mark);
  }

  /// At the end of the text, the line, or at a control character.
  bool Unfinished(const char* message) {
    char c = cursor_.Peek();
    bool control = !cursor_.AtEnd() && c != '\n' && !cursor_.StartsWith("\r\n");
    return control ? Fail("a string holds no control characters", cursor_.Here())
                   : Fail(message, begin_);
  }

  bool Fail(const char* message, Mark mark) {
    fault_ = {message, mark};
    return false;
  }

  Cursor& cursor_;
  std::string& out_;
  TomlFault& fault_;
  Mark begin_;
  char quote_;
};

}  // namespace

bool ReadTomlString(Cursor& cursor, bool key, std::string& out, TomlFault& fault) {
  return StringReader(cursor, out, fault).Read(key);
}

}  // namespace bulkhead::vmspec
