// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/toml_reader.h"

#include <algorithm>
#include <array>
#include <utility>

#include "vmspec/codes.h"
#include "vmspec/toml_scalar.h"
#include "vmspec/toml_string.h"
#include "vmspec/toml_tables.h"

namespace bulkhead::vmspec {

namespace {

/// Keys, parts of dotted keys, and values; each costs some 200 bytes.
constexpr std::uint32_t kMaxParts = 65'536;
constexpr std::size_t kFirstRoom = 4;

class Reader {
 public:
  Reader(const std::string& file, std::string_view text, Faults& faults)
      : file_(file), cursor_(text), faults_(faults), root_{At({1, 1}), Table{}}, tables_(root_) {}

  std::optional<Node> Run() {
    while (SkipBlankLines(), !cursor_.AtEnd()) {
      if (!ReadStatement() || !ReadLineEnd()) return std::nullopt;
    }
    return std::move(root_);
  }

 private:
  bool ReadStatement() {
    switch (cursor_.Peek()) {
      case '#':
        return true;
      case '[':
        return ReadHeader();
      default:
        return ReadPair();
    }
  }

  void SkipBlanks() { cursor_.TakeRun(Run::kBlanks); }
  void SkipBlankLines() {
    do {
      SkipBlanks();
    } while (cursor_.TakeLineEnd());
  }

  /// Blanks, a comment, and the end of the line or text.
  bool ReadLineEnd() {
    SkipBlanks();
    bool comment = cursor_.Peek() == '#';
    if (comment) cursor_.TakeRun(Run::kComment);
    if (cursor_.AtEnd() || cursor_.TakeLineEnd()) return true;
    return Syntax(comment ? "a comment holds no control characters"
                          : "the line should end here, or a comment begin");
  }

  /// White space, comments and line ends within a list.
  bool SkipGap() {
    while (true) {
      SkipBlankLines();
      if (cursor_.Peek() != '#') return true;
      if (!ReadLineEnd()) return false;
    }
  }

  bool ReadHeader() {
    Mark begin = cursor_.Here();
    bool list = cursor_.StartsWith("[[");
    if (!Count() || (list && !Count())) return false;
    cursor_.Skip(list ? 2 : 1);
    KeyPath& path = PathAt(0);
    if (!ReadKey(path)) return false;
    if (!cursor_.Take(list ? "]]" : "]")) {
      return Syntax(list ? "the name of a list of tables ends with \"]]\""
                         : "the name of a table ends with \"]\"");
    }
    Place place = From(begin);
    return Judge(list ? tables_.OpenElement(path, place) : tables_.OpenTable(path, place), path);
  }

  bool ReadPair() {
    KeyPath& path = PathAt(0);
    Node value;
    int depth = tables_.depth();
    if (!ReadKeyAndValue(path, value, depth)) return false;
    return Judge(tables_.Put(path, std::move(value)), path);
  }

  /// In a table that lies `depth` deep.
  bool ReadKeyAndValue(KeyPath& path, Node& value, int depth) {
    if (!ReadKey(path)) return false;
    if (cursor_.Peek() != '=') return Syntax("a key is followed by \"=\" and its value");
    if (!Count()) return false;
    cursor_.Skip(1);
    SkipBlanks();
    return ReadValue(value,
                     depth + static_cast<int>(std::min<std::size_t>(path.size(), kMaxDepth)));
  }

  /// Emptied. Tables in braces that are within each other take different ones.
  KeyPath& PathAt(int depth) {
    KeyPath& path = paths_[static_cast<std::size_t>(depth)];
    path.clear();
    return path;
  }

  /// With the blanks around it.
  bool ReadKey(KeyPath& path) {
    do {
      SkipBlanks();
      KeyPart& part = path.emplace_back();
      Mark begin = cursor_.Here();
      char c = cursor_.Peek();
      if (c == '"' || c == '\'') {
        if (!ReadString(true, part.text)) return false;
      } else {
        part.text = cursor_.TakeRun(Run::kBareKey);
        if (part.text.empty()) {
          return Syntax(
              "here should be a key: of letters, digits, \"-\" and \"_\", or in quotation marks");
        }
      }
      part.place = From(begin);
      if (path.size() > kMaxDepth) return TooDeep(part.place);
      SkipBlanks();
      if (cursor_.Peek() != '.') return true;
      // The first is free: it is in every [flow.NAME].
      if (path.size() > 1 && !Count()) return false;
      cursor_.Skip(1);
    } while (true);
  }

  /// The value itself lies `depth` deep.
  bool ReadValue(Node& out, int depth) {
    Mark begin = cursor_.Here();
    if (depth > kMaxDepth) return TooDeep(At(begin));
    bool sound = false;
    switch (cursor_.Peek()) {
      case '"':
      case '\'':
        sound = ReadString(false, out.value.emplace<std::string>());
        break;
      case '[':
        sound = ReadArray(out.value.emplace<Array>(), depth);
        break;
      case '{':
        out.value.emplace<Table>();
        sound = ReadInlineTable(out, depth);
        break;
      default:
        sound = ReadScalar(out.value);
    }
    out.origin = From(begin);
    return sound;
  }

  bool ReadArray(Array& out, int depth) {
    if (!Count()) return false;
    cursor_.Skip(1);
    while (true) {
      if (!SkipGap()) return false;
      if (cursor_.Take(']')) return true;
      if (out.empty()) out.reserve(kFirstRoom);
      if (!ReadValue(out.emplace_back(), depth + 1) || !SkipGap()) return false;
      if (cursor_.Take(']')) return true;
      if (cursor_.Peek() != ',') return Syntax("a list goes on with \",\" or ends with \"]\"");
      if (!Count()) return false;
      cursor_.Skip(1);
    }
  }

  bool ReadInlineTable(Node& out, int depth) {
    if (!Count()) return false;
    cursor_.Skip(1);
    SkipBlanks();
    if (cursor_.Take('}')) return true;
    while (true) {
      KeyPath& path = PathAt(depth);
      Node value;
      if (!ReadKeyAndValue(path, value, depth)) return false;
      if (!Judge(tables_.PutInto(out, path, std::move(value)), path)) return false;
      SkipBlanks();
      if (cursor_.Take('}')) return true;
      if (cursor_.Peek() != ',') {
        return Syntax("a table in braces goes on with \",\" or ends with \"}\" on its line");
      }
      if (!Count()) return false;
      cursor_.Skip(1);
    }
  }

  bool ReadString(bool key, std::string& out) {
    TomlFault fault;
    if (ReadTomlString(cursor_, key, out, fault)) return true;
    return SyntaxAt(fault.message, At(fault.mark));
  }

  bool ReadScalar(Scalar& out) {
    Mark begin = cursor_.Here();
    std::string_view word = cursor_.TakeRun(Run::kBareValue);
    if (IsTomlDate(word) && cursor_.Rest().size() > 1 && cursor_.Peek() == ' ' &&
        cursor_.Rest()[1] >= '0' && cursor_.Rest()[1] <= '9') {
      const char* start = word.data();
      cursor_.Skip(1);
      std::string_view time = cursor_.TakeRun(Run::kBareValue);
      word = {start, static_cast<std::size_t>(time.data() + time.size() - start)};
    }
    auto value = ParseTomlScalar(word);
    if (value) {
      out = std::move(*value);
      return true;
    }
    if (word.empty()) return SyntaxAt("here should be a value", At(begin));
    bool number = word.find_first_of("0123456789") <= 1;
    return SyntaxAt(Quoted(word) + (number ? " is no number, date or time"
                                           : " is no value; a text stands in quotation marks"),
                    From(begin));
  }

  /// Before each sign that begins or separates keys and values.
  bool Count() {
    if (++parts_ <= kMaxParts) return true;
    faults_.Error(codes::kTooLarge, "the file has more than 65,536 keys and values",
                  At(cursor_.Here()));
    return false;
  }

  bool Judge(TomlTables::Result result, const KeyPath& path) {
    using Outcome = TomlTables::Outcome;
    if (result.outcome == Outcome::kDone) return true;
    const Place& place = path[result.at].place;
    std::string name = Quoted(path[result.at].text);
    switch (result.outcome) {
      case Outcome::kDone:
        break;
      case Outcome::kTaken:
        return SyntaxAt(name + " is there already", place);
      case Outcome::kNoTable:
        return SyntaxAt(name + " is no table", place);
      case Outcome::kClosed:
        return SyntaxAt("nothing can be added here to the table " + name, place);
      case Outcome::kTooDeep:
        return TooDeep(place);
    }
    return false;
  }

  bool TooDeep(const Place& place) {
    faults_.Error(codes::kTooDeep, "values are nested too deeply", place);
    return false;
  }
  bool Syntax(const char* message) { return SyntaxAt(message, At(cursor_.Here())); }
  bool SyntaxAt(const std::string& message, const Place& place) {
    faults_.Error(codes::kSyntax, "not valid TOML: " + message, place);
    return false;
  }

  [[nodiscard]] Place At(Mark mark) const { return {&file_, mark.line, mark.column, 1}; }
  [[nodiscard]] Place From(Mark begin) const {
    return {&file_, begin.line, begin.column, cursor_.LengthFrom(begin)};
  }

  const std::string& file_;
  Cursor cursor_;
  Faults& faults_;
  Node root_;
  TomlTables tables_;
  std::array<KeyPath, kMaxDepth + 1> paths_;
  std::uint32_t parts_ = 0;
};

}  // namespace

std::optional<Node> ReadToml(const std::string& file, std::string_view text, Faults& faults) {
  if (auto mark = FindInvalidUtf8(text)) {
    faults.Error(codes::kSyntax, "not valid TOML: the bytes here are no UTF-8",
                 Place{&file, mark->line, mark->column, 1});
    return std::nullopt;
  }
  return Reader(file, text, faults).Run();
}

}  // namespace bulkhead::vmspec
