// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/format.h"

#include <algorithm>
#include <optional>
#include <span>
#include <utility>

#include "vmspec/document.h"
#include "vmspec/format_proof.h"
#include "vmspec/layout.h"

namespace bulkhead::vmspec {

namespace {

using layout::Item;
using layout::Lines;
using layout::Pair;
using layout::Statement;
using layout::Value;

constexpr std::size_t kMaxColumns = 100;
constexpr std::size_t kMaxAlignedKey = 24;
constexpr std::size_t kMaxAlignedLine = 60;
constexpr std::size_t kIndent = 2;

/// In characters.
std::size_t Width(std::string_view text) {
  auto begins = [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; };
  return static_cast<std::size_t>(std::ranges::count_if(text, begins));
}

/// Lines with the comments behind them, which stand in one column where short lines follow each
/// other.
class Page {
 public:
  void Add(std::string line, std::string comment) {
    rows_.push_back({std::move(line), std::move(comment)});
  }

  std::string Take() {
    std::string out;
    for (std::size_t from = 0; from < rows_.size();) {
      std::size_t to = from + 1;
      while (Aligned(from) && to < rows_.size() && Aligned(to)) ++to;
      AppendRun(out, std::span(rows_).subspan(from, to - from));
      from = to;
    }
    return out;
  }

 private:
  struct Row {
    std::string line;
    std::string comment;
  };

  [[nodiscard]] bool Aligned(std::size_t i) const {
    const Row& row = rows_[i];
    return !row.comment.empty() && row.line.find('\n') == row.line.npos &&
           Width(row.line) <= kMaxAlignedLine;
  }

  static void AppendRun(std::string& out, std::span<const Row> run) {
    std::size_t column = 0;
    if (run.size() > 1) {
      for (const Row& row : run) column = std::max(column, Width(row.line));
    }
    for (const Row& row : run) {
      out += row.line;
      if (!row.comment.empty()) {
        std::size_t pad = run.size() > 1 ? column - Width(row.line) : 0;
        out += std::string(pad + 2, ' ') + row.comment;
      }
      out += '\n';
    }
  }

  std::vector<Row> rows_;
};

bool HasComments(const Value& array) {
  auto is_comment = [](const std::string& line) { return !line.empty(); };
  return !array.comment.empty() || std::ranges::any_of(array.rest, is_comment) ||
         std::ranges::any_of(array.items, [&](const Item& item) {
           return !item.comment.empty() || std::ranges::any_of(item.before, is_comment);
         });
}

bool HasManyTables(const Value& array) {
  return array.items.size() > 1 && std::ranges::any_of(array.items, [](const Item& item) {
           return item.value.kind == Value::Kind::kTable;
         });
}

/// The value on one line; nothing when it cannot be.
std::optional<std::string> OneLine(const Value& value);

std::optional<std::string> TableOnOneLine(const Value& table) {
  std::string out;
  for (const Pair& pair : table.pairs) {
    auto inner = OneLine(pair.value);
    if (!inner) return std::nullopt;
    out += (out.empty() ? "{ " : ", ") + pair.key + " = " + *inner;
  }
  return out.empty() ? "{}" : out + " }";
}

std::optional<std::string> ArrayOnOneLine(const Value& array) {
  if (HasComments(array)) return std::nullopt;
  std::string out;
  for (const Item& item : array.items) {
    auto inner = OneLine(item.value);
    if (!inner) return std::nullopt;
    out += (out.empty() ? "[" : ", ") + *inner;
  }
  return out.empty() ? "[]" : out + "]";
}

std::optional<std::string> OneLine(const Value& value) {
  if (value.kind == Value::Kind::kTable) return TableOnOneLine(value);
  if (value.kind == Value::Kind::kArray) return ArrayOnOneLine(value);
  if (value.text.find('\n') != value.text.npos) return std::nullopt;
  return value.text;
}

/// Where a value stands: how far its lines are indented, and the column it begins at; nothing: in a
/// table on one line, where a list is broken only if it must be.
struct Place {
  std::size_t indent = 0;
  std::optional<std::size_t> column;
};

std::string Laid(const Value& value, Place place);

/// Comments and single empty lines; none at the beginning and the end of a list.
void AddLines(Page& page, std::span<const std::string> lines, std::size_t indent, bool first,
              bool last) {
  while (last && !lines.empty() && lines.back().empty()) lines = lines.first(lines.size() - 1);
  bool was_empty = first;
  for (const std::string& line : lines) {
    if (!line.empty()) page.Add(std::string(indent, ' ') + line, "");
    if (line.empty() && !was_empty) page.Add("", "");
    was_empty = line.empty();
  }
}

std::string LaidArray(const Value& array, std::size_t indent) {
  const std::size_t inner = indent + kIndent;
  Page page;
  page.Add("[", array.comment);
  bool first = true;
  for (const Item& item : array.items) {
    AddLines(page, item.before, inner, std::exchange(first, false), false);
    std::string text = Laid(item.value, {inner, inner});
    page.Add(std::string(inner, ' ') + text + ",", item.comment);
  }
  AddLines(page, array.rest, inner, first, true);
  return page.Take() + std::string(indent, ' ') + "]";
}

std::string LaidTable(const Value& table, std::size_t indent) {
  std::string out;
  for (const Pair& pair : table.pairs) {
    out += (out.empty() ? "{ " : ", ") + pair.key + " = " + Laid(pair.value, {indent, {}});
  }
  return out.empty() ? "{}" : out + " }";
}

std::string Laid(const Value& value, Place place) {
  if (value.kind == Value::Kind::kTable) return LaidTable(value, place.indent);
  if (value.kind != Value::Kind::kArray) return value.text;
  auto line = OneLine(value);
  bool fits = line && (!place.column ||
                       (!HasManyTables(value) && *place.column + Width(*line) <= kMaxColumns));
  return fits ? *line : LaidArray(value, place.indent);
}

/// The statements without superfluous empty lines, and with those that are missing.
std::vector<Statement> Spaced(std::vector<Statement> all) {
  using Kind = Statement::Kind;
  std::vector<Statement> out;
  for (Statement& statement : all) {
    bool superfluous =
        statement.kind == Kind::kEmptyLine &&
        (out.empty() || out.back().kind == Kind::kEmptyLine || out.back().kind == Kind::kHeader);
    if (superfluous) continue;
    if (statement.kind == Kind::kHeader) {
      auto above = std::find_if(out.rbegin(), out.rend(), [](const Statement& s) {
                     return s.kind != Kind::kComment;
                   }).base();
      bool apart = above == out.begin() || std::prev(above)->kind == Kind::kEmptyLine;
      if (!apart) out.insert(above, Statement{});
    }
    out.push_back(std::move(statement));
  }
  while (!out.empty() && out.back().kind == Kind::kEmptyLine) out.pop_back();
  return out;
}

/// The column of the "=" for the run of pairs that begins at `all[from]`, which ends at `to`.
std::size_t EqualsColumn(std::span<const Statement> run) {
  std::size_t column = 0;
  for (const Statement& pair : run) {
    std::size_t width = Width(pair.text);
    if (width <= kMaxAlignedKey) column = std::max(column, width);
  }
  return column;
}

void AddPairs(Page& page, std::span<const Statement> run) {
  std::size_t column = EqualsColumn(run);
  for (const Statement& pair : run) {
    std::size_t width = Width(pair.text);
    std::string begin = pair.text + std::string(column - std::min(column, width), ' ') + " = ";
    std::string value = Laid(pair.value, {0, std::max(column, width) + 3});
    page.Add(begin + value, pair.comment);
  }
}

std::string LaidOut(const std::vector<Statement>& all) {
  using Kind = Statement::Kind;
  Page page;
  for (std::size_t from = 0; from < all.size();) {
    std::size_t to = from;
    while (to < all.size() && all[to].kind == Kind::kPair) ++to;
    if (to > from) {
      AddPairs(page, std::span(all).subspan(from, to - from));
    } else {
      page.Add(all[from].text, all[from].comment);
      ++to;
    }
    from = to;
  }
  return page.Take();
}

}  // namespace

Result<std::string> FormatToml(const std::string& file, std::string_view text) {
  auto before = ReadDocument(file, text);
  if (!before) return Propagate(before);
  auto statements = layout::Read(text);
  if (!statements) {
    return Fail(ErrorCode::kInternal, file + " cannot be laid out; it was not changed");
  }
  std::string laid = LaidOut(Spaced(std::move(*statements)));
  auto after = ReadDocument(file, laid);
  bool same_words = HasSameWords(text, laid);
  if (!after && same_words) {
    return Fail(ErrorCode::kLimit, file + " is too large to be laid out; it was not changed");
  }
  if (!after || !same_words || !MeansTheSame(*before, *after)) {
    return Fail(ErrorCode::kInternal, file + " would not mean the same; it was not changed");
  }
  return laid;
}

}  // namespace bulkhead::vmspec
