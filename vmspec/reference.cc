// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/reference.h"

#include <cctype>
#include <iterator>
#include <set>
#include <utility>

#include "vmspec/scalars.h"

namespace bulkhead::vmspec {

namespace {

constexpr std::string_view kHeader =
    "| key | type | default | meaning and range |\n|---|---|---|---|\n";

/// In the order of enum Form.
constexpr std::string_view kFormNames[] = {"true or false",
                                           "integer",
                                           "size",
                                           "duration",
                                           "bit rate",
                                           "text",
                                           "name",
                                           "word",
                                           "name",
                                           "UUID",
                                           "colour",
                                           "interface",
                                           "digest",
                                           "host",
                                           "URL",
                                           "time",
                                           "window",
                                           "address",
                                           "network",
                                           "network or host",
                                           "ports",
                                           "path",
                                           "USB id",
                                           "bytes",
                                           "content type",
                                           "application",
                                           "label",
                                           "table",
                                           "word or table",
                                           "name or table",
                                           "list of tables",
                                           "tables with names"};
static_assert(std::size(kFormNames) == static_cast<std::size_t>(Form::kNamedTables) + 1);

std::string Code(std::string_view text) { return "`" + std::string(text) + "`"; }

std::string TypeOf(const KeySchema& key) {
  std::string out(kFormNames[static_cast<std::size_t>(key.form)]);
  if (key.form == Form::kText && key.range.max < 4096) {
    out += ", " + std::to_string(key.range.max) + " bytes";
  }
  return key.list ? "list of " + out : out;
}

std::string DefaultOf(const KeySchema& key) {
  if (key.required) return "required";
  return key.fallback.empty() ? "" : Code(key.fallback);
}

std::string RangeOf(const KeySchema& key) {
  std::string (*format)(std::uint64_t) =
      key.form == Form::kSize       ? FormatSize
      : key.form == Form::kDuration ? FormatDuration
      : key.form == Form::kBitRate  ? FormatBitRate
      : key.form == Form::kInteger  ? static_cast<std::string (*)(std::uint64_t)>(
                                         [](std::uint64_t n) { return std::to_string(n); })
                                   : nullptr;
  if (format == nullptr || key.key == "schema") return "";
  std::string out = format(key.range.min) + " to " + format(key.range.max);
  return key.unit > 1 ? out + ", a multiple of " + format(key.unit) : out;
}

/// Those that the meaning does not explain.
std::string WordsOf(const KeySchema& key) {
  std::string out;
  if (key.form != Form::kWord) return out;
  for (std::string_view word : key.words) {
    std::string shown = Code("\"" + std::string(word) + "\"");
    if (key.meaning.find(shown) == key.meaning.npos) out += (out.empty() ? "" : ", ") + shown;
  }
  return out;
}

std::string LaterOf(const KeySchema& key) {
  if (key.later) return "*not carried out yet*";
  std::string out;
  for (std::string_view word : key.later_words) {
    out += (out.empty() ? "" : ", ") + Code("\"" + std::string(word) + "\"");
  }
  return out.empty() ? "" : "*not carried out yet:* " + out;
}

bool HasMany(const KeySchema& key) {
  return key.list || key.form == Form::kTableList || key.form == Form::kNamedTables;
}

std::string Grouped(std::size_t n) {
  std::string out = std::to_string(n);
  return n < 1000 ? out : out.substr(0, out.size() - 3) + "," + out.substr(out.size() - 3);
}

std::string MeaningOf(const KeySchema& key) {
  std::string out(key.meaning.empty() && key.table != nullptr ? key.table->meaning : key.meaning);
  auto add = [&](const std::string& part) {
    if (!part.empty()) out += (out.empty() ? "" : "; ") + part;
  };
  add(WordsOf(key));
  add(RangeOf(key));
  if (HasMany(key)) add("at most " + Grouped(key.most));
  add(LaterOf(key));
  return out;
}

std::string HeadingOf(const KeySchema& key) {
  std::string name(key.key);
  switch (key.form) {
    case Form::kTableList:
      return "[[" + name + "]]";
    case Form::kNamedTables:
      return "[" + name + ".NAME]";
    case Form::kWordOrTable:
    case Form::kNameOrTable:
      return name + " = { ... }";
    default:
      return "[" + name + "]";
  }
}

/// The pages of a file, each table once: `deny` takes the same rules as `allow`.
class Pages {
 public:
  void Add(const TableSchema& table, const std::string& path) {
    out_ += kHeader;
    for (const KeySchema& key : table.keys) {
      out_ += "| " + Code(key.key) + " | " + TypeOf(key) + " | " + DefaultOf(key) + " | " +
              MeaningOf(key) + " |\n";
    }
    for (const KeySchema& key : table.keys) AddBelow(key, path);
  }
  [[nodiscard]] std::string Take() { return std::move(out_); }

 private:
  void AddBelow(const KeySchema& key, const std::string& path) {
    // A label is among the forms, above all tables.
    bool is_page = key.table != nullptr && key.form != Form::kLabel;
    if (!is_page || !seen_.insert(key.table).second) return;
    std::string heading = Code(HeadingOf(key));
    out_ += "\n### " + (path.empty() ? "" : path + ", ") + heading + "\n\n";
    if (std::string sentence(key.table->meaning); !sentence.empty()) {
      sentence[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(sentence[0])));
      out_ += sentence + ".\n\n";
    }
    Add(*key.table, path.empty() ? heading : path);
  }

  std::string out_;
  std::set<const TableSchema*> seen_;
};

}  // namespace

std::string ReferenceOf(const TableSchema& file) {
  Pages pages;
  pages.Add(file, "");
  return "\n" + pages.Take() + "\n";
}

}  // namespace bulkhead::vmspec
