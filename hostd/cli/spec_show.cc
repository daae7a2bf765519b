// SPDX-License-Identifier: GPL-2.0-or-later
/// spec show
#include <algorithm>
#include <ostream>

#include "hostd/bus/spec_variants.h"
#include "hostd/cli/command.h"
#include "hostd/cli/spec_report.h"
#include "hostd/cli/spec_sets.h"
#include "vmspec/base/join.h"
#include "vmspec/base/sanitize.h"
#include "vmspec/did_you_mean.h"
#include "vmspec/fact_places.h"
#include "vmspec/scalars.h"
#include "vmspec/schema.h"

namespace bulkhead::cli {

namespace {

using vmspec::Fact;
using vmspec::Level;
using vmspec::SpecSet;

/// "storage ask, fido manual"
std::string DevicesOf(const Level& level) {
  std::string out;
  for (std::size_t i = 0; i < level.devices.size(); ++i) {
    const vmspec::DevicePolicy& policy = level.devices[i];
    if (policy.mode == vmspec::GrantMode::kNone) continue;
    out += (out.empty() ? "" : ", ") + std::string(vmspec::kDeviceClassNames[i]) + " " +
           std::string(NameOf(policy.mode)) + (policy.write ? " write" : "");
  }
  return out;
}

std::string StateOf(const Level& level) {
  return std::string(level.persistent ? "kept " : "anew ") +
         vmspec::FormatSize(std::uint64_t{level.state_mib} << 20);
}

void ShowLevels(const Context& context, const SpecSet& spec) {
  std::vector<const Level*> levels;
  for (const auto& [name, level] : spec.levels) levels.push_back(&level);
  std::ranges::stable_sort(levels, {}, [](const Level* level) { return -level->label.rank; });
  Table table({"LEVEL", "TITLE", "RANK", "COMPARTMENTS", "UPLINK", "DEVICES", "STATE", "MAY START"},
              Fit::kWrap);
  for (const Level* level : levels) {
    const auto& compartments = level->label.compartments;
    table.Add({level->name, level->title, std::to_string(level->label.rank),
               Joined({compartments.begin(), compartments.end()}, ","), level->network.uplink,
               DevicesOf(*level), StateOf(*level), Joined(level->roles.start, ",")});
  }
  context.Print(table);
}

void ShowFlows(const Context& context, const SpecSet& spec) {
  if (spec.flows.empty()) return;
  Table table({"FLOW", "FROM", "TO", "KIND", "MAX FILE", "CONFIRM", "PLACE"}, Fit::kWrap);
  for (const auto& [name, flow] : spec.flows) {
    table.Add({name, flow.from, flow.to, NameOf(flow.kind), vmspec::FormatSize(flow.max_file_bytes),
               flow.confirm ? "yes" : "no", PlaceText(flow.origin)});
  }
  context.out() << "\n";
  context.Print(table);
}

void ShowUplinks(const Context& context, const SpecSet& spec) {
  if (spec.uplinks.empty()) return;
  Table table({"UPLINK", "KIND", "INTERFACE", "LABEL", "PLACE"}, Fit::kWrap);
  for (const auto& [name, uplink] : spec.uplinks) {
    table.Add({name, NameOf(uplink.kind), uplink.interface, uplink.label.ToString(),
               PlaceText(uplink.origin)});
  }
  context.out() << "\n";
  context.Print(table);
}

void ShowDeviceRules(const Context& context, const SpecSet& spec) {
  if (spec.device_rules.empty()) return;
  Table table({"DEVICES", "LEVEL", "CLASS", "WHICH", "COMMENT", "PLACE"}, Fit::kWrap);
  for (const vmspec::DeviceRule& rule : spec.device_rules) {
    std::vector<std::string> which{rule.path, rule.serial, rule.usb_id};
    std::erase(which, "");
    table.Add({rule.deny ? "deny" : "allow", rule.level, rule.device_class,
               which.empty() ? "any" : Joined(which, ","), rule.comment, PlaceText(rule.origin)});
  }
  context.out() << "\n";
  context.Print(table);
}

/// A line of `--all`.
struct Row {
  std::string field;
  std::string value;
  vmspec::Origin origin;
};

/// The keys of the language that no fact speaks of: lists and tables of which there is nothing.
void AddUnsaid(const vmspec::TableSchema& table, const std::string& prefix,
               std::vector<Row>& rows) {
  for (const vmspec::KeySchema& key : table.keys) {
    std::string field = prefix + std::string(key.key);
    if (field == "schema" || field == "extends" || field == "label") continue;
    bool inside = key.form == vmspec::Form::kTable;
    if (inside) AddUnsaid(*key.table, field + ".", rows);
    auto same = [&](const Row& row) {
      return row.field == field || row.field.starts_with(field + ".");
    };
    if (!inside && std::ranges::none_of(rows, same)) rows.push_back({field, "", {}});
  }
}

/// Line 0: a default. Of an element of a list the model knows the line itself.
vmspec::Origin PlaceOf(const Fact& fact, const vmspec::FactPlaces& places) {
  vmspec::Origin said = places.Of(fact.key);
  return said.line == 0 || fact.key.element.empty() ? said : fact.origin;
}

/// The model keeps one record for all classes of devices; each class has only some of its fields.
bool IsOfTheLanguage(std::string_view field) {
  const vmspec::TableSchema* table = &vmspec::kLevelSchema;
  while (table != nullptr) {
    std::size_t dot = std::min(field.find('.'), field.size());
    const vmspec::KeySchema* key = vmspec::FindKey(*table, field.substr(0, dot));
    if (key == nullptr) return false;
    // What is below a list goes by the name of its element: key.NAME.confirm.
    if (dot == field.size() || key->form == vmspec::Form::kTableList) return true;
    table = key->table;
    field.remove_prefix(dot + 1);
  }
  return false;
}

std::vector<Row> RowsOf(const Level& level, const vmspec::FactPlaces& places) {
  SpecSet alone;
  alone.levels.emplace(level.name, level);
  std::vector<Row> rows;
  for (const Fact& fact : vmspec::FactsOf(alone)) {
    if (fact.key.kind != "level" || !IsOfTheLanguage(fact.key.field)) continue;
    std::string value = fact.key.element;
    if (!fact.value.empty()) value += (value.empty() ? "" : "  ") + fact.value;
    rows.push_back({fact.key.field, std::move(value), PlaceOf(fact, places)});
  }
  AddUnsaid(vmspec::kLevelSchema, "", rows);
  std::ranges::stable_sort(rows, [](const Row& a, const Row& b) { return a.field < b.field; });
  return rows;
}

void ShowAll(const Context& context, const NamedSet& set, const std::string& only) {
  vmspec::FactPlaces places(set.files);
  Table table({"LEVEL", "FIELD", "VALUE", "SAID IN"}, Fit::kWrap);
  for (const auto& [name, level] : set.checked.spec.levels) {
    if (!only.empty() && name != only) continue;
    for (const Row& row : RowsOf(level, places)) {
      bool said = row.origin.line != 0;
      table.Add({name,
                 row.field,
                 row.value,
                 {PlaceText(row.origin), said ? Colour::kNone : Colour::kDim}});
    }
  }
  context.Print(table);
}

void ShowSummary(const Context& context, const SpecSet& spec) {
  ShowLevels(context, spec);
  ShowFlows(context, spec);
  ShowUplinks(context, spec);
  ShowDeviceRules(context, spec);
}

/// Every fact of the set, by subject.
Json FactsJson(const NamedSet& set) {
  vmspec::FactPlaces places(set.files);
  JsonArray all;
  for (const Fact& fact : vmspec::FactsOf(set.checked.spec)) {
    bool is_field =
        fact.key.kind == "level" ? IsOfTheLanguage(fact.key.field) : !fact.key.field.empty();
    if (!is_field) continue;
    all.push_back(JsonMembers{{"kind", fact.key.kind},
                              {"name", fact.key.name},
                              {"field", fact.key.field},
                              {"element", fact.key.element},
                              {"value", fact.value},
                              {"place", PlaceText(PlaceOf(fact, places))}});
  }
  return all;
}

void PrintJson(const Context& context, const NamedSet& set) {
  JsonMembers files;
  for (const auto& [path, text] : set.files) files.emplace_back(path, text);
  JsonArray levels;
  for (const auto& [name, level] : set.checked.spec.levels) levels.emplace_back(name);
  context.Print(Json(JsonMembers{{"files", std::move(files)},
                                 {"ok", set.checked.ok()},
                                 {"levels", std::move(levels)},
                                 {"fields", set.checked.ok() ? FactsJson(set) : JsonArray{}}}));
}

Result<NamedSet> VersionOf(Context& context, unsigned version) {
  auto host = context.Host();
  if (!host) return Propagate(host);
  auto answer = (*host)->Call("GetSpecVersion", g_variant_new("(u)", version), "(a{ss}a{sv})");
  if (!answer) return Propagate(answer);
  VariantPtr dict(g_variant_get_child_value(answer->get(), 0));
  NamedSet set{"version " + std::to_string(version), hostd::SpecFilesFrom(dict.get()), {}};
  set.checked = vmspec::CheckSpec(set.files);
  return set;
}

Status CheckLevel(const NamedSet& set, const std::string& level) {
  std::vector<std::string> known;
  for (const auto& [name, unused] : set.checked.spec.levels) known.push_back(name);
  if (level.empty() || std::ranges::find(known, level) != known.end()) return {};
  return Fail(ErrorCode::kNotFound, "no level " + Printable(level, 80) + Suggestion(level, known));
}

Result<int> ShowSet(const Context& context, const NamedSet& set, const Arguments& arguments) {
  if (set.files.empty() && !context.json()) {
    context.out() << "No spec set is applied: bulkhead spec apply DIR\n";
    return kExitOk;
  }
  if (context.json()) {
    PrintJson(context, set);
    return kExitOk;
  }
  if (arguments.Has("--files")) {
    PrintFiles(context, set.files);
    return kExitOk;
  }
  if (ShowFaults(context, set)) return kExitFailure;
  std::string level = arguments.Value("--level");
  if (Status known = CheckLevel(set, level); !known) return Propagate(known);
  if (arguments.Has("--all") || !level.empty()) {
    ShowAll(context, set, level);
  } else {
    ShowSummary(context, set.checked.spec);
  }
  return kExitOk;
}

}  // namespace

Result<int> SpecShow(Context& context, const Arguments& arguments) {
  const bool folder = !arguments.positional.empty();
  if (arguments.Has("--version")) {
    auto number = NumberIn("--version", arguments.Value("--version"), 1, kMostVersion);
    if (!number) return context.Misused(number.error());
    if (folder) {
      return context.Misused({ErrorCode::kInvalid, "--version is of the history, not of a folder"});
    }
    auto set = VersionOf(context, *number);
    if (!set) return Propagate(set);
    return ShowSet(context, *set, arguments);
  }
  auto set = ReadSet(context, folder ? arguments.positional[0] : "applied");
  if (!set) return Propagate(set);
  return ShowSet(context, *set, arguments);
}

}  // namespace bulkhead::cli
