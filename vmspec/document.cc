// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/document.h"

#include <algorithm>

#include "vmspec/base/sanitize.h"
#include "vmspec/codes.h"

// Header-only and without exceptions: nothing is thrown across our face, sanitizers and fuzzers see
// the parser's insides, and the depth bound below is ours.
#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
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

}  // namespace

std::string_view Node::TypeName() const {
  static constexpr std::string_view kNames[] = {
      "a float, date or time", "true or false", "a whole number", "a string", "a list", "a table"};
  return kNames[value.index()];
}

std::optional<Node> ParseDocument(const std::string& file, std::string_view text, Faults& faults) {
  if (!WithinBounds(file, text, faults)) return std::nullopt;
  toml::parse_result parsed = toml::parse(text);
  if (!parsed) {
    const toml::parse_error& error = parsed.error();
    faults.Error(codes::kSyntax, "not valid TOML: " + Printable(error.description()),
                 OriginOf(file, error.source()));
    return std::nullopt;
  }
  Converter converter(file, faults);
  Node root = converter.Convert(parsed.table(), 0);
  root.origin = At(file, 1, 1);
  if (!converter.ok()) return std::nullopt;
  return root;
}

}  // namespace bulkhead::vmspec
