// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/table_reader.h"

#include <algorithm>
#include <cstdlib>

#include "vmspec/codes.h"
#include "vmspec/did_you_mean.h"
#include "vmspec/draft.h"
#include "vmspec/scalars.h"

namespace bulkhead::vmspec {

namespace {

/// Says no more than the default does.
bool SaysTheDefault(const KeySchema& key, const Node& node) {
  if (const auto* list = node.As<Array>()) return list->empty();
  const Node* fallback = FallbackOf(key);
  if (fallback == nullptr) return false;
  if (const auto* flag = node.As<bool>())
    return fallback->As<bool>() && *flag == *fallback->As<bool>();
  if (const auto* number = node.As<std::int64_t>()) {
    return fallback->As<std::int64_t>() && *number == *fallback->As<std::int64_t>();
  }
  const auto* text = node.As<std::string>();
  return text != nullptr && fallback->As<std::string>() && *text == *fallback->As<std::string>();
}

std::string Said(const Node& node) {
  const auto* text = node.As<std::string>();
  return text != nullptr ? Quoted(*text) : std::string(node.TypeName());
}

std::string Count(std::size_t n) {
  std::string out = std::to_string(n);
  for (std::size_t at = out.size(); at > 3; at -= 3) out.insert(at - 3, ",");
  return out;
}

}  // namespace

TableReader::TableReader(const Node& node, const TableSchema& schema, std::string_view name,
                         const Scope& scope, Faults& faults)
    : node_(node), table_(node.As<Table>()), schema_(schema), scope_(scope), faults_(faults) {
  if (table_ != nullptr) return;
  faults.Error(codes::kWrongType,
               Quoted(name) + " must be a table, not " + std::string(node.TypeName()), node.origin);
}

const KeySchema& TableReader::Schema(std::string_view key) const {
  const KeySchema* schema = FindKey(schema_, key);
  if (schema == nullptr) std::abort();  // a reader and its table disagree: no set is read by both
  return *schema;
}

const Node* TableReader::Find(std::string_view key) const { return vmspec::Find(node_, key); }

const Place& TableReader::OriginOf(std::string_view key) const {
  const Node* node = Find(key);
  return node == nullptr ? node_.origin : node->origin;
}

const Node* TableReader::Given(const KeySchema& key) const {
  const Node* node = Find(key.key);
  return node != nullptr ? node : FallbackOf(key);
}

std::optional<std::uint64_t> TableReader::Number(std::string_view key) {
  const KeySchema& schema = Schema(key);
  const Node* node = Given(schema);
  return node == nullptr ? std::nullopt : ReadNumber(schema, *node, faults_);
}

std::optional<std::size_t> TableReader::Word(std::string_view key) {
  const KeySchema& schema = Schema(key);
  const Node* node = Given(schema);
  return node == nullptr ? std::nullopt : ReadWord(schema, *node, faults_);
}

std::optional<Label> TableReader::GetLabel(std::string_view key) {
  const Node* node = Find(key);
  return node == nullptr ? std::nullopt : ReadLabel(*node, scope_, faults_);
}

std::optional<Prefix> TableReader::GetPrefix(std::string_view key) {
  const KeySchema& schema = Schema(key);
  const Node* node = Given(schema);
  return node == nullptr ? std::nullopt : ReadPrefix(schema, *node, faults_);
}

bool TableReader::Read(std::string_view key, bool& target) {
  const KeySchema& schema = Schema(key);
  const Node* node = Given(schema);
  if (node == nullptr) return true;
  auto value = ReadFlag(schema, *node, faults_);
  if (value) target = *value;
  return value.has_value();
}

bool TableReader::Read(std::string_view key, std::string& target) {
  const KeySchema& schema = Schema(key);
  const Node* node = Given(schema);
  if (node == nullptr) return true;
  auto value = ReadString(schema, *node, scope_, faults_);
  if (value) target = std::move(*value);
  return value.has_value();
}

const Array* TableReader::List(const KeySchema& key, std::string_view of_what) {
  const Node* node = Given(key);
  if (node == nullptr) return nullptr;
  const Array* list = node->As<Array>();
  if (list == nullptr && node->As<Table>() != nullptr && key.form == Form::kTableList) {
    faults_.Error(
        codes::kWrongType,
        "write each " + Quoted(key.key) + " under a line [[" + std::string(key.key) + "]]",
        node->origin);
  } else if (list == nullptr) {
    faults_.Error(codes::kWrongType,
                  Quoted(key.key) + " must be a list" + std::string(of_what) + ", not " +
                      std::string(node->TypeName()),
                  node->origin);
  } else if (list->size() > key.most) {
    faults_.Error(codes::kTooMany,
                  Quoted(key.key) + " has at most " + Count(key.most) + " elements, not " +
                      Count(list->size()),
                  node->origin);
    return nullptr;
  }
  return list;
}

template <typename T, typename Reader>
bool TableReader::ReadList(const KeySchema& key, std::vector<T>& target, Reader read) {
  if (Given(key) == nullptr) return true;
  const Array* list = List(key, "");
  if (list == nullptr) return false;
  std::vector<T> out;
  bool sound = true;
  for (const Node& node : *list) {
    auto value = read(node);
    sound = sound && value.has_value();
    if (!value) continue;
    if (std::find(out.begin(), out.end(), *value) == out.end()) {
      out.push_back(std::move(*value));
    } else {
      faults_.Error(codes::kDuplicate, Said(node) + " is named twice in " + Quoted(key.key),
                    node.origin);
    }
  }
  target = std::move(out);
  return sound;
}

bool TableReader::Read(std::string_view key, std::vector<std::string>& target) {
  const KeySchema& schema = Schema(key);
  return ReadList(schema, target,
                  [&](const Node& n) { return ReadString(schema, n, scope_, faults_); });
}

bool TableReader::ReadWords(std::string_view key, std::vector<std::size_t>& places) {
  const KeySchema& schema = Schema(key);
  return ReadList(schema, places, [&](const Node& n) { return ReadWord(schema, n, faults_); });
}

bool TableReader::Read(std::string_view key, std::vector<Prefix>& target) {
  const KeySchema& schema = Schema(key);
  return ReadList(schema, target, [&](const Node& n) { return ReadPrefix(schema, n, faults_); });
}

bool TableReader::Read(std::string_view key, std::vector<PortRange>& target) {
  const Node* node = Find(key);
  if (node == nullptr) return true;
  auto ports = ReadPorts(Schema(key), *node, faults_);
  if (ports) target = std::move(*ports);
  return ports.has_value();
}

std::vector<const Node*> TableReader::Tables(std::string_view key) {
  std::vector<const Node*> out;
  const KeySchema& schema = Schema(key);
  const Array* list = List(schema, " of tables");
  if (list == nullptr) return out;
  for (const Node& node : *list) out.push_back(&node);
  return out;
}

std::vector<const Member*> TableReader::NamedTables(std::string_view key) {
  std::vector<const Member*> out;
  const Node* node = Find(key);
  if (node == nullptr) return out;
  const Table* table = node->As<Table>();
  std::string name(key);
  if (table == nullptr) {
    faults_.Error(codes::kWrongType,
                  "write " + Quoted(key) + " as tables with a name: [" + name + ".NAME]",
                  node->origin);
    return out;
  }
  std::size_t most = Schema(key).most;
  if (table->members.size() > most) {
    faults_.Error(codes::kTooMany, "a spec set has at most " + Count(most) + " " + name + "s",
                  table->members[most].origin);
    return out;
  }
  for (const Member& member : table->members) {
    if (IsName(member.key)) {
      out.push_back(&member);
    } else {
      faults_.Error(codes::kBadName, Quoted(member.key) + " is no name", member.origin, {},
                    kNameRule);
    }
  }
  return out;
}

/// The word itself, or that of a table's `mode`, is judged where the word stands.
void TableReader::WarnIfLater(const KeySchema& key, const Node& node) {
  const auto* text = node.As<std::string>();
  bool word = text != nullptr && std::ranges::find(key.later_words, *text) != key.later_words.end();
  if (!word && (!key.later || SaysTheDefault(key, node))) return;
  std::string what = word ? std::string(key.key) + " = " + Quoted(*text) : Quoted(key.key);
  faults_.Warning(codes::kNotYet, "this version of Bulkhead does not carry out " + what,
                  node.origin, {}, "bulkhead spec apply refuses the set until it is taken out");
}

void TableReader::Finish() {
  if (table_ == nullptr) return;
  std::vector<std::string> known;
  for (const Member& member : table_->members) {
    if (const KeySchema* schema = FindKey(schema_, member.key)) {
      WarnIfLater(*schema, member.value);
      continue;
    }
    if (faults_.full()) {
      faults_.Error(codes::kUnknownKey, {}, member.origin);
      continue;
    }
    if (known.empty()) {
      for (const KeySchema& key : schema_.keys) known.emplace_back(key.key);
      std::sort(known.begin(), known.end());
    }
    std::string meant = faults_.MayCompare(known.size()) ? DidYouMean(member.key, known) : "";
    std::string help = meant.empty() ? "the keys here are " + Listed(known) : "";
    faults_.Error(codes::kUnknownKey, "unknown key " + Quoted(member.key), member.origin, meant,
                  help);
  }
  for (const KeySchema& key : schema_.keys) {
    if (!key.required || Has(key.key)) continue;
    faults_.Error(codes::kMissingKey, "the key " + Quoted(key.key) + " is missing", node_.origin);
    if (key.key == "label") faults_.NoteOnLast(kFlowUnchecked);
  }
}

}  // namespace bulkhead::vmspec
