// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/document.h"

#include <algorithm>

#include "vmspec/base/sanitize.h"
#include "vmspec/codes.h"

namespace bulkhead::vmspec {
/// A text that toml++ was not prepared for.
struct ParserFault {};
[[noreturn]] static void ThrowParserFault() { throw ParserFault{}; }
}  // namespace bulkhead::vmspec

// Header-only: sanitizers and fuzzers see the parser's insides, and the depth bound is ours. With
// exceptions, which stay in this file. toml++ 3.3 asserts what is not so ("[!]" has no key in it)
// and, with NDEBUG, tells the compiler to rely on it: here each such assertion refuses the text.
#undef NDEBUG
#define TOML_ASSERT(condition) \
  ((condition) ? static_cast<void>(0) : bulkhead::vmspec::ThrowParserFault())
#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 1
#define TOML_ENABLE_FORMATTERS 0
#define TOML_MAX_NESTED_VALUES 16
#include <toml++/toml.h>

namespace bulkhead::vmspec {

namespace {

// toml++ 3.3 builds one table per dot of a key, frees tables recursively, and looks dotted tables
// up in a list: "a.a.a..." of 4 MiB would end the stack, 100,000 dotted keys an afternoon. No key
// is written without '.', '=' or '[', so that bounding these bounds both, whatever is string or
// comment.
constexpr std::size_t kMaxDotsPerLine = 256;
constexpr std::size_t kMaxKeys = 65'536;
constexpr int kMaxDepth = 16;
/// Longer texts are not parsed again and again only to name the line of an odd fault.
constexpr std::size_t kMaxLocatedBytes = 256UL << 10;

Origin At(const std::string& file, std::uint32_t line, std::uint32_t column,
          std::uint32_t length = 1) {
  return Origin{file, line, column, length};
}

Origin OriginOf(const std::string& file, const toml::source_region& region) {
  bool one_line = region.end.line == region.begin.line && region.end.column > region.begin.column;
  return At(file, region.begin.line, region.begin.column,
            one_line ? region.end.column - region.begin.column : 1);
}

bool IsComment(std::string_view line) {
  std::size_t first = line.find_first_not_of(" \t");
  return first != std::string_view::npos && line[first] == '#';
}

/// The text is small enough to be given to toml++.
bool WithinBounds(const std::string& file, std::string_view text, Faults& faults) {
  if (text.size() > kMaxFileBytes) {
    faults.Error(codes::kTooLarge, "the file is longer than 4 MiB", At(file, 1, 1));
    return false;
  }
  std::size_t keys = 0;
  for (std::uint32_t number = 1; !text.empty(); ++number) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (IsComment(line)) continue;
    keys += static_cast<std::size_t>(
        std::count_if(line.begin(), line.end(), [](char c) { return c == '=' || c == '['; }));
    if (keys > kMaxKeys) {
      faults.Error(codes::kTooLarge, "the file has more than 65,536 keys and lists",
                   At(file, number, 1));
      return false;
    }
    if (std::count(line.begin(), line.end(), '.') > std::ptrdiff_t{kMaxDotsPerLine}) {
      faults.Error(codes::kTooDeep, "the line has more than 256 dots", At(file, number, 1), {},
                   "write a long list as one element a line");
      return false;
    }
  }
  return true;
}

class Converter {
 public:
  Converter(const std::string& file, Faults& faults) : file_(file), faults_(faults) {}

  Node Convert(const toml::node& from, int depth) {
    Node out{OriginOf(file_, from.source()), OtherValue{}};
    if (depth > kMaxDepth) {
      if (ok_) faults_.Error(codes::kTooDeep, "values are nested too deeply", out.origin);
      ok_ = false;
    } else if (const auto* b = from.as_boolean()) {
      out.value = b->get();
    } else if (const auto* i = from.as_integer()) {
      out.value = i->get();
    } else if (const auto* s = from.as_string()) {
      out.value = s->get();
    } else if (const auto* a = from.as_array()) {
      Array& elements = out.value.emplace<Array>();
      for (const toml::node& element : *a) elements.push_back(Convert(element, depth + 1));
    } else if (const auto* t = from.as_table()) {
      out.value = ConvertTable(*t, depth);
    }
    return out;
  }

  [[nodiscard]] bool ok() const { return ok_; }

 private:
  Table ConvertTable(const toml::table& from, int depth) {
    Table table;
    for (const auto& [key, value] : from) {
      table.members.push_back(
          Member{std::string(key.str()), OriginOf(file_, key.source()), Convert(value, depth + 1)});
    }
    // toml++ keeps them by name.
    std::stable_sort(table.members.begin(), table.members.end(),
                     [](const Member& a, const Member& b) {
                       return std::pair(a.origin.line, a.origin.column) <
                              std::pair(b.origin.line, b.origin.column);
                     });
    return table;
  }

  const std::string& file_;
  Faults& faults_;
  bool ok_ = true;
};

/// toml++ asserts on it.
bool IsParserFault(std::string_view text) {
  try {
    static_cast<void>(toml::parse(text));
  } catch (const ParserFault&) {
    return true;
  } catch (const toml::parse_error&) {
    // A text cut off before the fault is often no TOML either.
  }
  return false;
}

/// The line where it asserts: a parser reads forward, so that the first lines up to this one bring
/// the same fault, and any fewer do not.
std::uint32_t LineOfParserFault(std::string_view text) {
  if (text.size() > kMaxLocatedBytes) return 1;
  std::vector<std::size_t> ends;
  for (std::size_t at = text.find('\n'); at != text.npos; at = text.find('\n', at + 1)) {
    ends.push_back(at + 1);
  }
  auto first = std::partition_point(ends.begin(), ends.end(), [&](std::size_t end) {
    return !IsParserFault(text.substr(0, end));
  });
  return static_cast<std::uint32_t>(first - ends.begin()) + 1;
}

std::optional<toml::table> ParseToml(const std::string& file, std::string_view text,
                                     Faults& faults) {
  try {
    return toml::parse(text);
  } catch (const toml::parse_error& error) {
    faults.Error(codes::kSyntax, "not valid TOML: " + Printable(error.description()),
                 OriginOf(file, error.source()));
  } catch (const ParserFault&) {
    faults.Error(codes::kSyntax, "not valid TOML: this line cannot be read",
                 At(file, LineOfParserFault(text), 1));
  }
  return std::nullopt;
}

}  // namespace

std::string_view Node::TypeName() const {
  static constexpr std::string_view kNames[] = {
      "a float, date or time", "true or false", "a whole number", "a string", "a list", "a table"};
  return kNames[value.index()];
}

std::optional<Node> ParseDocument(const std::string& file, std::string_view text, Faults& faults) {
  if (!WithinBounds(file, text, faults)) return std::nullopt;
  auto parsed = ParseToml(file, text, faults);
  if (!parsed) return std::nullopt;
  Converter converter(file, faults);
  Node root = converter.Convert(*parsed, 0);
  root.origin = At(file, 1, 1);
  if (!converter.ok()) return std::nullopt;
  return root;
}

}  // namespace bulkhead::vmspec
