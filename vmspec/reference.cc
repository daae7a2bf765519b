// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/reference.h"

#include "vmspec/scalars.h"

namespace bulkhead::vmspec {

namespace {

constexpr std::string_view kHeader =
    "| key | type | default | meaning and range |\n|---|---|---|---|\n";

std::string_view FormName(Form form) {
  switch (form) {
    case Form::kFlag:
      return "true or false";
    case Form::kInteger:
      return "integer";
    case Form::kSize:
      return "size";
    case Form::kDuration:
      return "duration";
    case Form::kBitRate:
      return "bit rate";
    case Form::kText:
      return "text";
    case Form::kName:
      return "name";
    case Form::kWord:
      return "word";
    case Form::kReference:
      return "name";
    case Form::kUuid:
      return "UUID";
    case Form::kColour:
      return "colour";
    case Form::kInterface:
      return "interface";
    case Form::kDigest:
      return "digest";
    case Form::kHost:
      return "host";
    case Form::kUrl:
      return "URL";
    case Form::kMoment:
      return "time";
    case Form::kWindow:
      return "window";
    case Form::kAddress:
      return "address";
    case Form::kNetwork:
      return "network";
    case Form::kDestination:
      return "network or host";
    case Form::kPorts:
      return "ports";
    case Form::kDevicePath:
      return "path";
    case Form::kUsbId:
      return "USB id";
    case Form::kHex:
      return "bytes";
    case Form::kMime:
      return "content type";
    case Form::kApplication:
      return "application";
    case Form::kLabel:
      return "label";
    case Form::kTable:
      return "table";
    case Form::kWordOrTable:
      return "word or table";
    case Form::kNameOrTable:
      return "name or table";
    case Form::kTableList:
      return "list of tables";
    case Form::kNamedTables:
      return "tables with names";
  }
  return "";
}

std::string Code(std::string_view text) { return "`" + std::string(text) + "`"; }

std::string TypeOf(const KeySchema& key) {
  std::string out(FormName(key.form));
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

void AddTable(const TableSchema& table, const std::string& path, std::string& out);

void AddBelow(const KeySchema& key, const std::string& path, std::string& out) {
  if (key.table == nullptr || key.form == Form::kLabel) return;
  // `deny` is as `allow`: one page for one table.
  std::string heading = "### " + (path.empty() ? "" : path + ", ") + Code(HeadingOf(key)) + "\n\n";
  if (key.key == "deny") return;
  out += "\n" + heading;
  if (!key.table->meaning.empty()) {
    std::string sentence(key.table->meaning);
    sentence[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(sentence[0])));
    out += sentence + ".\n\n";
  }
  AddTable(*key.table, path.empty() ? Code(HeadingOf(key)) : path, out);
}

void AddTable(const TableSchema& table, const std::string& path, std::string& out) {
  out += kHeader;
  for (const KeySchema& key : table.keys) {
    out += "| " + Code(key.key) + " | " + TypeOf(key) + " | " + DefaultOf(key) + " | " +
           MeaningOf(key) + " |\n";
  }
  for (const KeySchema& key : table.keys) AddBelow(key, path, out);
}

}  // namespace

std::string ReferenceOf(const TableSchema& file) {
  std::string out = "\n";
  AddTable(file, "", out);
  return out + "\n";
}

}  // namespace bulkhead::vmspec
