// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/spec/index_book.h"

#include <algorithm>
#include <charconv>
#include <sstream>
#include <vector>

#include "hostd/spec/sealed_file.h"
#include "vmspec/base/identity.h"
#include "vmspec/base/sanitize.h"
#include "vmspec/scalars.h"

namespace bulkhead::hostd {

namespace {

constexpr char kKind[] = "indexes";
constexpr std::size_t kMostBytes = 2UL << 20;
constexpr char kRetained[] = "-";

std::uint32_t MostOf(IndexKind kind) {
  return kind == IndexKind::kLevel ? kMaxLevelIndex : kMaxFlowIndex;
}

bool IsBootId(const std::string& text) {
  return !text.empty() && text.size() <= 64 &&
         text.find_first_not_of("0123456789abcdef-") == std::string::npos && text != kRetained;
}

std::string KindWord(IndexKind kind) { return kind == IndexKind::kLevel ? "level" : "flow"; }

std::unexpected<Error> Damaged(const std::string& path, const std::string& why) {
  return Fail(ErrorCode::kCorrupt,
              "the numbers of levels and flows in " + path + " are damaged: " + why +
                  "; nothing is started, for two levels could get one uid. Shut all levels down "
                  "(restart this machine) and then remove that file");
}

}  // namespace

IndexBook::IndexBook(std::string path, std::string boot_id, Book book)
    : path_(std::move(path)), boot_id_(std::move(boot_id)), book_(std::move(book)) {}

std::map<std::string, IndexBook::Entry>& IndexBook::Part(Book& book, IndexKind kind) {
  return kind == IndexKind::kLevel ? book.levels : book.flows;
}

const std::map<std::string, IndexBook::Entry>& IndexBook::Part(const Book& book, IndexKind kind) {
  return kind == IndexKind::kLevel ? book.levels : book.flows;
}

Result<std::unique_ptr<IndexBook>> IndexBook::Open(std::string path, std::string boot_id) {
  if (!IsBootId(boot_id)) return Fail(ErrorCode::kInvalid, "that is no boot id");
  auto text = ReadSealed(path, kKind, kMostBytes);
  if (!text && text.error().code != ErrorCode::kCorrupt) return Propagate(text);
  if (!text) return Damaged(path, text.error().message);
  auto book = Parse(text->value_or(""));
  if (!book) return Damaged(path, book.error().message);
  return std::unique_ptr<IndexBook>(
      new IndexBook(std::move(path), std::move(boot_id), std::move(*book)));
}

/// A line for each: KIND INDEX NAME BOOT, BOOT being "-" while the name is retained.
std::string IndexBook::Print(const Book& book) {
  std::string text;
  for (IndexKind kind : {IndexKind::kLevel, IndexKind::kFlow}) {
    for (const auto& [name, entry] : Part(book, kind)) {
      text += KindWord(kind) + " " + std::to_string(entry.index) + " " + name + " " +
              (entry.gone_in.empty() ? kRetained : entry.gone_in) + "\n";
    }
  }
  return text;
}

Result<IndexBook::Book> IndexBook::Parse(const std::string& text) {
  Book book;
  std::set<std::pair<bool, std::uint32_t>> taken;
  std::istringstream lines(text);
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    std::istringstream words(line);
    std::string kind, index_word, name, boot, rest;
    words >> kind >> index_word >> name >> boot;
    auto index = vmspec::ParseNumber(index_word);
    bool level = kind == "level";
    bool good = (level || kind == "flow") && index && *index >= 1 &&
                *index <= MostOf(level ? IndexKind::kLevel : IndexKind::kFlow) &&
                vmspec::IsName(name) && (boot == kRetained || IsBootId(boot)) && !(words >> rest);
    if (!good) return Fail(ErrorCode::kCorrupt, "line " + std::to_string(number));
    Entry entry{static_cast<std::uint32_t>(*index), boot == kRetained ? "" : boot};
    bool is_new = taken.emplace(level, entry.index).second &&
                  (level ? book.levels : book.flows).emplace(name, entry).second;
    if (!is_new) return Fail(ErrorCode::kCorrupt, "line " + std::to_string(number) + " repeats");
  }
  return book;
}

Status IndexBook::Store(Book book) {
  if (auto s = WriteSealed(path_, kKind, Print(book)); !s) {
    return Propagate(s, "store the numbers of levels and flows");
  }
  book_ = std::move(book);
  return {};
}

/// The lowest number that nobody has or had in this boot. Names of earlier boots give theirs up.
std::optional<std::uint32_t> IndexBook::TakeFree(std::map<std::string, Entry>& part,
                                                 std::uint32_t most) const {
  std::erase_if(part, [this](const auto& item) {
    return !item.second.gone_in.empty() && item.second.gone_in != boot_id_;
  });
  std::vector<bool> taken(most + 1);
  for (const auto& [name, entry] : part) taken[entry.index] = true;
  auto free = std::find(taken.begin() + 1, taken.end(), false);
  if (free == taken.end()) return std::nullopt;
  return static_cast<std::uint32_t>(free - taken.begin());
}

Result<IndexBook::Numbers> IndexBook::Assign(IndexKind kind, const std::set<std::string>& names) {
  std::scoped_lock lock(mutex_);
  Book book = book_;
  auto& part = Part(book, kind);
  Numbers numbers;
  bool changed = false;
  for (const auto& name : names) {
    if (!vmspec::IsName(name)) {
      return Fail(ErrorCode::kInvalid,
                  "\"" + Printable(name, 64) + "\" is no name: " + vmspec::kNameRule);
    }
    auto known = part.find(name);
    if (known == part.end()) {
      auto index = TakeFree(part, MostOf(kind));
      if (!index) return Full(kind);
      known = part.emplace(name, Entry{*index, ""}).first;
      changed = true;
    } else if (!known->second.gone_in.empty()) {
      known->second.gone_in.clear();
      changed = true;
    }
    numbers[name] = known->second.index;
  }
  if (changed) {
    if (auto s = Store(std::move(book)); !s) return Propagate(s);
  }
  return numbers;
}

std::unexpected<Error> IndexBook::Full(IndexKind kind) {
  return Fail(ErrorCode::kLimit, "all " + std::to_string(MostOf(kind)) + " numbers of " +
                                     KindWord(kind) +
                                     "s are taken, or were since this machine started: remove some "
                                     "from the spec and restart the machine");
}

Status IndexBook::Retain(IndexKind kind, const std::set<std::string>& names) {
  std::scoped_lock lock(mutex_);
  Book book = book_;
  bool changed = false;
  for (auto& [name, entry] : Part(book, kind)) {
    if (names.contains(name) || !entry.gone_in.empty()) continue;
    entry.gone_in = boot_id_;
    changed = true;
  }
  return changed ? Store(std::move(book)) : Status();
}

std::optional<std::uint32_t> IndexBook::Find(IndexKind kind, const std::string& name) const {
  std::scoped_lock lock(mutex_);
  const auto& part = Part(book_, kind);
  auto known = part.find(name);
  if (known == part.end() || !IsCurrent(known->second)) return std::nullopt;
  return known->second.index;
}

std::optional<std::string> IndexBook::NameOf(IndexKind kind, std::uint32_t index) const {
  std::scoped_lock lock(mutex_);
  for (const auto& [name, entry] : Part(book_, kind)) {
    if (entry.index == index && IsCurrent(entry)) return name;
  }
  return std::nullopt;
}

bool IndexBook::IsCurrent(const Entry& entry) const {
  return entry.gone_in.empty() || entry.gone_in == boot_id_;
}

}  // namespace bulkhead::hostd
