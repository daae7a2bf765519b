// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/format_proof.h"

#include <algorithm>
#include <map>

#include "vmspec/layout.h"

namespace bulkhead::vmspec {

namespace {

struct Words {
  std::vector<std::string_view> words;
  std::vector<std::string_view> comments;
};

constexpr std::string_view kSigns = "[]{},=.";

std::string_view TakeComment(std::string_view& text) {
  std::string_view comment = text.substr(0, std::min(text.find('\n'), text.size()));
  text.remove_prefix(comment.size());
  return comment.substr(0, comment.find_last_not_of(" \t\r") + 1);
}

std::size_t WordLength(std::string_view text) {
  if (text[0] == '"' || text[0] == '\'') return layout::StringLength(text);
  if (kSigns.find(text[0]) != kSigns.npos) return 1;
  return std::min(text.find_first_of(" \t\r\n#\"'[]{},=."), text.size());
}

Words WordsOf(std::string_view text) {
  Words out;
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  while (!text.empty()) {
    if (text[0] == '#') {
      out.comments.push_back(TakeComment(text));
    } else if (text.find_first_of(" \t\r\n") == 0) {
      text.remove_prefix(1);
    } else {
      std::string_view word = text.substr(0, WordLength(text));
      text.remove_prefix(word.size());
      if (word == "]" && !out.words.empty() && out.words.back() == ",") out.words.pop_back();
      out.words.push_back(word);
    }
  }
  return out;
}

using ByKey = std::map<std::string_view, const Node*>;

ByKey MembersOf(const Table& table) {
  ByKey members;
  for (const Member& member : table.members) members.emplace(member.key, &member.value);
  return members;
}

bool SameTables(const Table& a, const Table& b) {
  ByKey left = MembersOf(a);
  ByKey right = MembersOf(b);
  return std::ranges::equal(left, right, [](const auto& x, const auto& y) {
    return x.first == y.first && MeansTheSame(*x.second, *y.second);
  });
}

}  // namespace

bool MeansTheSame(const Node& a, const Node& b) {
  if (a.value.index() != b.value.index()) return false;
  if (const auto* table = a.As<Table>()) return SameTables(*table, *b.As<Table>());
  if (const auto* array = a.As<Array>()) {
    return std::ranges::equal(*array, *b.As<Array>(), MeansTheSame);
  }
  if (const auto* text = a.As<std::string>()) return *text == *b.As<std::string>();
  if (const auto* number = a.As<std::int64_t>()) return *number == *b.As<std::int64_t>();
  if (const auto* flag = a.As<bool>()) return *flag == *b.As<bool>();
  return true;
}

std::optional<std::size_t> WordsChanged(std::string_view a, std::string_view b) {
  Words left = WordsOf(a);
  Words right = WordsOf(b);
  bool alike = left.words.size() == right.words.size() && left.comments == right.comments;
  if (!alike) return std::nullopt;
  std::size_t changed = 0;
  for (std::size_t i = 0; i < left.words.size(); ++i) changed += left.words[i] != right.words[i];
  return changed;
}

bool HasSameWords(std::string_view a, std::string_view b) { return WordsChanged(a, b) == 0; }

}  // namespace bulkhead::vmspec
