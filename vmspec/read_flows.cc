// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/base/identity.h"
#include "vmspec/codes.h"
#include "vmspec/draft.h"
#include "vmspec/named_tables.h"

namespace bulkhead::vmspec {

namespace {

constexpr Range kBytes{1, 1ULL << 40};
constexpr Range kMaxFilesRange{1, 100'000};
const std::string kFlowKinds[] = {"transfer", "encrypt", "decrypt"};

/// The kind is "transfer". Of another one the lattice check would say what is not so.
bool ReadKind(const Field& field, Faults& faults) {
  auto word = ReadWord(field, kFlowKinds, faults);
  if (!word) return false;
  if (*word == 0) return true;
  faults.Error(codes::kNotYet, Quoted(kFlowKinds[*word]) + " flows are not available yet",
               field.node->origin, {},
               "this version has \"transfer\" only, to a level whose label dominates");
  return false;
}

std::string ReadEnd(const Field& field, const Draft& draft, Faults& faults) {
  return ReadReference(field, "level", draft.level_names, codes::kUnknownLevel, faults)
      .value_or("");
}

void ReadLimits(TableReader& table, Flow& flow, Faults& faults) {
  Field max_file = table.Optional("max-file");
  Field quota = table.Optional("quota");
  auto max_file_bytes = ReadSize(max_file, kBytes, 1, faults);
  auto quota_bytes = ReadSize(quota, kBytes, 1, faults);
  if (auto n = ReadInteger(table.Optional("max-files"), kMaxFilesRange, faults)) {
    flow.max_files = *n;
  }
  flow.max_file_bytes = max_file_bytes.value_or(flow.max_file_bytes);
  flow.quota_bytes = quota_bytes.value_or(flow.quota_bytes);
  bool both_sound = max_file_bytes.has_value() == !!max_file && quota_bytes.has_value() == !!quota;
  if (both_sound && flow.max_file_bytes > flow.quota_bytes) {
    faults.Error(codes::kRange, "a file of \"max-file\" does not fit into \"quota\"",
                 (max_file ? max_file : quota).node->origin, {},
                 "the quota is the spool's size: make it at least as large as one file");
  }
}

void ReadFlow(const Member& member, Draft& draft, Faults& faults) {
  Flow flow;
  flow.name = member.key;
  flow.origin = member.value.origin;
  TableReader table(member.value, flow.name, faults);
  flow.from = ReadEnd(table.Required("from"), draft, faults);
  flow.to = ReadEnd(table.Required("to"), draft, faults);
  bool transfer = ReadKind(table.Required("kind"), faults);
  ReadLimits(table, flow, faults);
  table.Finish();
  if (transfer) draft.spec.flows.emplace(flow.name, std::move(flow));
}

}  // namespace

void ReadFlows(const Node& document, Draft& draft, Faults& faults) {
  TableReader table(document, "flows.toml", faults);
  if (!ReadSchema(table, faults)) return;
  auto flows = NamedTables(table.Optional("flow"), faults);
  if (flows.size() > kMaxFlowIndex) {
    faults.Error(codes::kTooMany, "a spec set has at most 4,095 flows",
                 flows[kMaxFlowIndex]->origin);
    return;
  }
  for (const Member* member : flows) ReadFlow(*member, draft, faults);
  table.Finish();
}

}  // namespace bulkhead::vmspec
