// SPDX-License-Identifier: GPL-2.0-or-later
/// spec schema: JSON Schema of the files of a spec set, for editors.
#include <algorithm>
#include <array>
#include <ostream>

#include "hostd/cli/command.h"
#include "vmspec/base/sanitize.h"
#include "vmspec/did_you_mean.h"
#include "vmspec/schema.h"

namespace bulkhead::cli {

namespace {

using vmspec::Form;
using vmspec::KeySchema;
using vmspec::TableSchema;

constexpr std::array<std::string_view, 5> kKinds = {"level", "flows", "networks", "devices",
                                                    "host"};

/// "flows.d": of a drop-in of flows.toml.
constexpr std::string_view kPartEnd = ".d";

const TableSchema& SchemaOf(std::size_t kind) {
  const std::array<const TableSchema*, 5> files = {&vmspec::kLevelSchema, &vmspec::kFlowsSchema,
                                                   &vmspec::kNetworksSchema,
                                                   &vmspec::kDevicesSchema, &vmspec::kHostSchema};
  return *files[kind];
}

Json Pattern(const char* pattern) { return JsonMembers{{"type", "string"}, {"pattern", pattern}}; }

Json AnyOf(JsonArray choices) { return JsonMembers{{"anyOf", std::move(choices)}}; }

Json PortsSchema() {
  Json port = JsonMembers{{"type", "integer"}, {"minimum", 1}, {"maximum", 65535}};
  Json range = Pattern("^[1-9][0-9]{0,4}(-[1-9][0-9]{0,4})?$");
  Json list = JsonMembers{
      {"type", "array"}, {"items", AnyOf({port, range})}, {"minItems", 1}, {"maxItems", 64}};
  return AnyOf({port, range, list});
}

/// The texts that have a shape; what a pattern cannot say, the checker does.
const char* PatternOf(Form form) {
  switch (form) {
    case Form::kName:
    case Form::kNameOrTable:
    case Form::kReference:
      return "^[a-z][a-z0-9-]{0,30}$";
    case Form::kSize:
      return "^(0|[1-9][0-9]*) (B|KiB|MiB|GiB|TiB)$";
    case Form::kDuration:
      return "^((0|[1-9][0-9]*) (s|min|h|d)|never)$";
    case Form::kBitRate:
      return "^(0|[1-9][0-9]*) (bit|kbit|Mbit|Gbit)/s$";
    case Form::kUuid:
      return "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$";
    case Form::kColour:
      return "^#[0-9a-fA-F]{6}$";
    case Form::kInterface:
      return "^[A-Za-z0-9._-]{1,15}$";
    case Form::kDigest:
      return "^sha256:[0-9a-f]{64}$";
    case Form::kUrl:
      return "^https://";
    case Form::kMoment:
      return "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$";
    case Form::kWindow:
      return "^[0-2][0-9]:[0-5][0-9]-[0-2][0-9]:[0-5][0-9]$";
    case Form::kDevicePath:
      return "^/dev/.";
    case Form::kUsbId:
      return "^[0-9a-f]{4}:[0-9a-f]{4}$";
    case Form::kHex:
      return "^([0-9a-f]{2})+$";
    case Form::kMime:
      return "^[^/]+/[^/]+$";
    case Form::kApplication:
      return "^[A-Za-z_-][A-Za-z0-9_-]*([.][A-Za-z_-][A-Za-z0-9_-]*){2,}$";
    default:
      return nullptr;
  }
}

Json TableJson(const TableSchema& table);

Json WordsJson(const KeySchema& key) { return JsonMembers{{"enum", TextsJson(key.words)}}; }

Json NamedTables(const KeySchema& key) {
  return JsonMembers{{"type", "object"},
                     {"propertyNames", Pattern(PatternOf(Form::kName))},
                     {"additionalProperties", TableJson(*key.table)},
                     {"maxProperties", std::uint64_t{key.most}}};
}

Json ListJson(Json items, std::size_t most) {
  return JsonMembers{
      {"type", "array"}, {"items", std::move(items)}, {"maxItems", std::uint64_t{most}}};
}

/// One value of the key, without its list.
Json ValueJson(const KeySchema& key) {
  switch (key.form) {
    case Form::kFlag:
      return JsonMembers{{"type", "boolean"}};
    case Form::kInteger:
      return JsonMembers{
          {"type", "integer"}, {"minimum", key.range.min}, {"maximum", key.range.max}};
    case Form::kWord:
      return WordsJson(key);
    case Form::kPorts:
      return PortsSchema();
    case Form::kLabel:
    case Form::kTable:
      return TableJson(*key.table);
    case Form::kWordOrTable:
      return AnyOf({WordsJson(key), TableJson(*key.table)});
    case Form::kNameOrTable:
      return AnyOf({Pattern(PatternOf(key.form)), TableJson(*key.table)});
    case Form::kTableList:
      return ListJson(TableJson(*key.table), key.most);
    case Form::kNamedTables:
      return NamedTables(key);
    default:
      break;
  }
  const char* pattern = PatternOf(key.form);
  return pattern == nullptr ? Json(JsonMembers{{"type", "string"}, {"minLength", 1}})
                            : Pattern(pattern);
}

Json KeyJson(const KeySchema& key) {
  Json value = ValueJson(key);
  if (key.or_any) value = AnyOf({std::move(value), JsonMembers{{"const", "*"}}});
  if (key.list) value = ListJson(std::move(value), key.most);
  JsonMembers members = *value.members();
  std::string_view of_table = key.table == nullptr ? std::string_view() : key.table->meaning;
  std::string meaning(key.meaning.empty() ? of_table : key.meaning);
  if (key.later) meaning += " (not carried out by this version)";
  if (!meaning.empty()) members.emplace_back("description", meaning);
  // The defaults of the schema are written alike in TOML and JSON.
  auto fallback = ParseJson(key.fallback);
  if (!key.fallback.empty() && fallback) members.emplace_back("default", *fallback);
  return members;
}

Json TableJson(const TableSchema& table) {
  JsonMembers properties;
  JsonArray required;
  for (const KeySchema& key : table.keys) {
    properties.emplace_back(key.key, KeyJson(key));
    if (key.required) required.emplace_back(key.key);
  }
  JsonMembers out{
      {"type", "object"}, {"properties", std::move(properties)}, {"additionalProperties", false}};
  if (!required.empty()) out.emplace_back("required", std::move(required));
  return out;
}

/// What a template says, the level that extends it need not say.
Json LevelJson() {
  JsonMembers members = *TableJson(vmspec::kLevelSchema).members();
  auto required = std::ranges::find(members, "required", &JsonMembers::value_type::first);
  Json all = required->second;
  required->second = JsonArray{"schema"};
  members.emplace_back("anyOf", JsonArray{JsonMembers{{"required", JsonArray{"extends"}}},
                                          JsonMembers{{"required", std::move(all)}}});
  return members;
}

Json FileJson(std::size_t kind) { return kind == 0 ? LevelJson() : TableJson(SchemaOf(kind)); }

/// What a file lays over another, or under it, need not be whole. The elements of a list are.
Json Part(const Json& whole) {
  if (whole.items() != nullptr) {
    JsonArray items;
    for (const Json& item : *whole.items()) items.push_back(Part(item));
    return items;
  }
  if (whole.members() == nullptr) return whole;
  JsonMembers members;
  for (const auto& [name, value] : *whole.members()) {
    // A key that is called "required" would have an object here.
    if (name == "required" && value.items() != nullptr) continue;
    members.emplace_back(name, name == "items" ? value : Part(value));
  }
  return members;
}

/// templates/NAME.toml and drop-ins of the kind.
Json PartJson(std::size_t kind) {
  Json part = Part(TableJson(SchemaOf(kind)));
  JsonMembers members = *part.members();
  members.emplace_back("required", JsonArray{"schema"});
  return members;
}

JsonMembers Head(std::string_view title) {
  return {{"$schema", "https://json-schema.org/draft/2020-12/schema"},
          {"title", "Bulkhead " BULKHEAD_VERSION ": " + std::string(title)}};
}

Json OneFile(std::size_t kind, bool part) {
  std::string title(SchemaOf(kind).name);
  JsonMembers out = Head(part ? "laid over " + title : title);
  Json file = part ? PartJson(kind) : FileJson(kind);
  out.insert(out.end(), file.members()->begin(), file.members()->end());
  return out;
}

Json AllFiles() {
  JsonMembers out = Head("any file of a spec set");
  JsonMembers kinds;
  JsonArray any;
  for (std::size_t i = 0; i < kKinds.size(); ++i) {
    kinds.emplace_back(kKinds[i], FileJson(i));
    any.push_back(JsonMembers{{"$ref", "#/$defs/" + std::string(kKinds[i])}});
  }
  out.emplace_back("$defs", std::move(kinds));
  out.emplace_back("anyOf", std::move(any));
  return out;
}

}  // namespace

Result<int> SpecSchema(Context& context, const Arguments& arguments) {
  if (arguments.positional.empty()) {
    context.Print(AllFiles());
    return kExitOk;
  }
  const std::string& word = arguments.positional[0];
  const bool part = word == "template" || word.ends_with(kPartEnd);
  std::string_view whole = word == "template" ? kKinds[0] : std::string_view(word);
  if (whole.ends_with(kPartEnd)) whole.remove_suffix(kPartEnd.size());
  const auto* kind = std::ranges::find(kKinds, whole);
  if (kind == kKinds.end()) {
    std::vector<std::string> known(kKinds.begin(), kKinds.end());
    for (std::string_view name : kKinds) known.push_back(std::string(name) + std::string(kPartEnd));
    known.emplace_back("template");
    return Fail(ErrorCode::kNotFound, "no kind of file " + Printable(word, 80) + ": give one of " +
                                          vmspec::Listed(known, " and ") + Suggestion(word, known));
  }
  context.Print(OneFile(static_cast<std::size_t>(kind - kKinds.begin()), part));
  return kExitOk;
}

}  // namespace bulkhead::cli
