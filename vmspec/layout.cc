// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/layout.h"

#include <algorithm>
#include <utility>

namespace bulkhead::vmspec::layout {

namespace {

constexpr int kMaxDepth = 64;  // toml++ has refused far less before
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

/// What stands between two things: a comment on the line of the first, then lines of their own.
struct Gap {
  std::string comment;
  Lines lines;
};

class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) { TakeText(kByteOrderMark); }

  std::optional<std::vector<Statement>> Run() {
    std::vector<Statement> all;
    while (SkipBlanks(), !rest_.empty() && ok_) all.push_back(ReadStatement());
    if (!ok_) return std::nullopt;
    return all;
  }

 private:
  Statement ReadStatement() {
    using Kind = Statement::Kind;
    if (TakeLineEnd()) return {};
    if (rest_[0] == '#') {
      Statement comment{Kind::kComment, TakeComment(), {}, {}};
      TakeLineEnd();
      return comment;
    }
    Statement out;
    out.kind = rest_[0] == '[' ? Kind::kHeader : Kind::kPair;
    if (out.kind == Kind::kHeader) {
      out.text = ReadHeader();
    } else {
      out.text = ReadKey();
      Demand('=');
      out.value = ReadValue(0);
    }
    SkipBlanks();
    if (At('#')) out.comment = TakeComment();
    if (!rest_.empty() && !TakeLineEnd()) ok_ = false;
    return out;
  }

  std::string ReadHeader() {
    bool list = rest_.starts_with("[[");
    rest_.remove_prefix(list ? 2 : 1);
    std::string key = ReadKey();
    if (!TakeText(list ? "]]" : "]")) ok_ = false;
    return list ? "[[" + key + "]]" : "[" + key + "]";
  }

  /// With the blanks around it.
  std::string ReadKey() {
    std::string key;
    do {
      SkipBlanks();
      std::size_t length = At('"') || At('\'') ? StringLength(rest_) : BareLength();
      if (length == 0) ok_ = false;
      key += (key.empty() ? "" : ".") + std::string(rest_.substr(0, length));
      rest_.remove_prefix(length);
      SkipBlanks();
    } while (ok_ && TakeText("."));
    return key;
  }

  [[nodiscard]] std::size_t BareLength() const {
    return std::min(rest_.find_first_of(" \t\r\n.=[]{},#\"'"), rest_.size());
  }

  /// With the blanks before it.
  Value ReadValue(int depth) {
    SkipBlanks();
    if (depth > kMaxDepth) ok_ = false;
    if (!ok_) return {};
    if (TakeText("[")) return ReadArray(depth);
    if (TakeText("{")) return ReadTable(depth);
    std::size_t length = At('"') || At('\'')
                             ? StringLength(rest_)
                             : std::min(rest_.find_first_of(",]}#\r\n"), rest_.size());
    Value scalar;
    scalar.text = rest_.substr(0, length);
    rest_.remove_prefix(length);
    scalar.text.erase(scalar.text.find_last_not_of(" \t") + 1);
    if (scalar.text.empty()) ok_ = false;
    return scalar;
  }

  Value ReadArray(int depth) {
    Value array;
    array.kind = Value::Kind::kArray;
    Gap gap = ReadGap();
    array.comment = std::move(gap.comment);
    bool more = true;
    while (ok_ && !At(']')) {
      ok_ = ok_ && more;
      Item& item = array.items.emplace_back();
      item.before = std::exchange(gap.lines, {});
      item.value = ReadValue(depth + 1);
      gap = ReadGap();
      item.comment = std::move(gap.comment);
      more = TakeText(",");
      if (more) TakeGapAfterComma(item, gap);
    }
    array.rest = std::move(gap.lines);
    if (!TakeText("]")) ok_ = false;
    return array;
  }

  void TakeGapAfterComma(Item& item, Gap& before) {
    Gap after = ReadGap();
    bool free = item.comment.empty() && before.lines.empty();
    if (free) {
      item.comment = std::move(after.comment);
    } else if (!after.comment.empty()) {
      before.lines.push_back(std::move(after.comment));
    }
    std::ranges::move(after.lines, std::back_inserter(before.lines));
  }

  Value ReadTable(int depth) {
    Value table;
    table.kind = Value::Kind::kTable;
    SkipBlanks();
    while (ok_ && !At('}')) {
      Pair& pair = table.pairs.emplace_back();
      pair.key = ReadKey();
      Demand('=');
      pair.value = ReadValue(depth + 1);
      SkipBlanks();
      if (!TakeText(",") && !At('}')) ok_ = false;
      SkipBlanks();
    }
    if (!TakeText("}")) ok_ = false;
    return table;
  }

  Gap ReadGap() {
    Gap gap;
    unsigned line_ends = 0;
    for (bool first = true;; first = false) {
      SkipBlanks();
      while (TakeLineEnd()) {
        ++line_ends;
        SkipBlanks();
      }
      if (line_ends > 1) gap.lines.emplace_back();
      if (!At('#')) return gap;
      std::string comment = TakeComment();
      if (first && line_ends == 0) {
        gap.comment = std::move(comment);
      } else {
        gap.lines.push_back(std::move(comment));
      }
      line_ends = 0;
    }
  }

  std::string TakeComment() {
    std::string comment(rest_.substr(0, std::min(rest_.find('\n'), rest_.size())));
    rest_.remove_prefix(comment.size());
    comment.erase(comment.find_last_not_of(" \t\r") + 1);
    return comment;
  }

  bool TakeLineEnd() { return TakeText("\n") || TakeText("\r\n"); }
  void SkipBlanks() { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t"), rest_.size())); }
  [[nodiscard]] bool At(char c) const { return rest_.starts_with(c); }
  bool TakeText(std::string_view text) {
    if (!rest_.starts_with(text)) return false;
    rest_.remove_prefix(text.size());
    return true;
  }
  void Demand(char c) {
    if (!TakeText(std::string_view(&c, 1))) ok_ = false;
  }

  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace

std::size_t StringLength(std::string_view text) {
  const char quote = text[0];
  const char three[] = {quote, quote, quote};
  const std::string_view triple(three, 3);
  const bool many_lines = text.starts_with(triple);
  std::size_t at = many_lines ? 3 : 1;
  while (at < text.size()) {
    if (quote == '"' && text[at] == '\\') {
      at += 2;
    } else if (many_lines && text.substr(at).starts_with(triple)) {
      // Up to two more quotes are the string's last characters.
      std::string_view close = text.substr(at, 5);
      return at + std::min(close.find_first_not_of(quote), close.size());
    } else if (!many_lines && text[at] == quote) {
      return at + 1;
    } else {
      ++at;
    }
  }
  return text.size();
}

std::optional<std::vector<Statement>> Read(std::string_view text) { return Reader(text).Run(); }

}  // namespace bulkhead::vmspec::layout
