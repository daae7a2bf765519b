// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>

#include "vmspec/assemble.h"
#include "vmspec/base/identity.h"
#include "vmspec/codes.h"
#include "vmspec/draft.h"
#include "vmspec/spec.h"

namespace bulkhead::vmspec {

namespace {

bool WithinBounds(const SpecFiles& files, Faults& faults) {
  std::size_t bytes = 0;
  for (const auto& [path, text] : files) bytes += text.size();
  if (files.size() <= kMaxFiles && bytes <= kMaxSetBytes) return true;
  faults.Error(codes::kTooLarge, "the spec set has more than 4,096 files or 16 MiB", Origin{});
  return false;
}

/// The names under [key.NAME] of a document, which need not be sound.
void CollectNames(const Assembled& assembled, const char* file, const char* key, Kind kind,
                  Scope& scope) {
  if (assembled.unreadable.contains(file)) {
    scope.Of(kind).reset();
    return;
  }
  auto document = assembled.top.find(file);
  const Node* node = document == assembled.top.end() ? nullptr : Find(document->second, key);
  const Table* table = node == nullptr ? nullptr : node->As<Table>();
  if (table == nullptr) return;
  for (const Member& named : table->members) scope.Add(kind, named.key);
}

void CollectAllNames(const Assembled& assembled, Draft& draft) {
  Scope& scope = draft.scope;
  scope.Of(Kind::kLevel) = assembled.level_names;
  scope.Of(Kind::kTemplate) = assembled.template_names;
  CollectNames(assembled, "networks", "uplink", Kind::kUplink, scope);
  CollectNames(assembled, "devices", "key", Kind::kKey, scope);
  CollectNames(assembled, "flows", "recipient", Kind::kRecipient, scope);
  CollectNames(assembled, "host", "role", Kind::kRole, scope);
  for (const char* role : {"user", "admin", "audit"}) {
    scope.Add(Kind::kRole, role);
    draft.spec.host.roles[role] = {role, {std::string("bulkhead-") + role}, {}, {}};
  }
}

void ReadAll(const Assembled& assembled, Draft& draft, Faults& faults) {
  auto read = [&](const char* file, auto reader) {
    auto found = assembled.top.find(file);
    if (found != assembled.top.end()) reader(found->second, draft, faults);
  };
  read("host", ReadHost);
  read("devices", ReadDevices);
  read("networks", ReadNetworks);
  for (const auto& [name, document] : assembled.levels) ReadLevel(name, document, draft, faults);
  read("flows", ReadFlows);
}

void CheckCounts(const Draft& draft, Faults& faults) {
  const NameSet& level_names = *draft.scope.Of(Kind::kLevel);
  if (level_names.empty()) {
    faults.Warning(codes::kNoLevels, "the spec set has no level", Origin{}, {},
                   "a level is a file levels/NAME.toml");
  } else if (level_names.size() > kMaxLevelIndex) {
    faults.Error(codes::kTooMany, "a spec set has at most 4,095 levels", Origin{});
  }
}

}  // namespace

bool CheckedSpec::ok() const {
  return std::all_of(diagnostics.begin(), diagnostics.end(),
                     [](const Diagnostic& d) { return d.warning; });
}

CheckedSpec CheckSpec(const SpecFiles& files) {
  Faults faults;
  Draft draft;
  draft.spec.host.pool4 = *ParsePrefix("10.77.0.0/16");
  draft.spec.host.pool6 = *ParsePrefix("fd77::/64");
  if (!WithinBounds(files, faults)) return {{}, faults.Take()};
  Assembled assembled = Assemble(files, faults);
  CollectAllNames(assembled, draft);
  draft.levels_without_label = assembled.level_names;
  draft.any_device_rule_at_fault = assembled.unreadable.contains("devices");
  ReadAll(assembled, draft, faults);
  CheckCounts(draft, faults);
  CheckInformationFlow(draft, faults);
  CheckDevices(draft, faults);
  CheckPools(draft, faults);
  CheckLimits(draft, faults);
  CheckedSpec out{std::move(draft.spec), faults.Take()};
  out.levels = assembled.level_names.size();
  out.flows = draft.flow_names;
  return out;
}

}  // namespace bulkhead::vmspec
