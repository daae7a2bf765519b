// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/base/identity.h"
#include "vmspec/codes.h"
#include "vmspec/draft.h"

namespace bulkhead::vmspec {

namespace {

void ReadLimits(TableReader& table, Flow& flow) {
  bool sound = table.Read("max-file", flow.max_file_bytes);
  sound = table.Read("quota", flow.quota_bytes) && sound;
  table.Read("max-files", flow.max_files);
  table.Read("files-per-hour", flow.files_per_hour);
  if (!sound || flow.max_file_bytes <= flow.quota_bytes) return;
  table.faults().Error(codes::kRange, "a file of \"max-file\" does not fit into \"quota\"",
                       table.OriginOf(table.Has("max-file") ? "max-file" : "quota"), {},
                       "the quota is the spool's size: make it at least as large as one file");
}

void ReadGates(TableReader& table, Flow& flow) {
  table.Read("types", flow.types);
  table.Read("confirm", flow.confirm);
  table.Read("confirm-timeout", flow.confirm_timeout_s);
  table.Read("scanner", flow.scanner);
  table.Read("re-render", flow.re_render);
}

/// `key` belongs to flows of `kind` only.
void Belongs(TableReader& table, const Flow& flow, std::string_view key, FlowKind kind,
             std::string_view word) {
  if (flow.kind == kind || !table.Has(key)) return;
  table.faults().Error(codes::kDoesNotApply,
                       Quoted(key) + " belongs to a flow of kind " + Quoted(word),
                       table.OriginOf(key));
}

void Needs(TableReader& table, std::string_view key, std::string_view word, std::string help) {
  if (table.Has(key)) return;
  table.faults().Error(codes::kRequiresKey,
                       "a flow of kind " + Quoted(word) + " needs " + Quoted(key),
                       table.OriginOf("kind"), {}, std::move(help));
}

void CheckApprovers(TableReader& table, const Flow& flow) {
  if (!table.Has("approved-by") || flow.approved_by.size() == 2) return;
  table.faults().Error(codes::kApprovers, "\"approved-by\" must name two different roles",
                       table.OriginOf("approved-by"), {},
                       "nobody alone lets information down: [\"admin\", \"audit\"]");
}

void ReadKindKeys(TableReader& table, Flow& flow) {
  table.Read("recipients", flow.recipients);
  table.Read("sign-with", flow.sign_with);
  table.Read("decrypt-with", flow.decrypt_with);
  table.Read("reason", flow.reason);
  bool sound = table.Read("approved-by", flow.approved_by);
  Belongs(table, flow, "recipients", FlowKind::kEncrypt, "encrypt");
  Belongs(table, flow, "sign-with", FlowKind::kEncrypt, "encrypt");
  Belongs(table, flow, "decrypt-with", FlowKind::kDecrypt, "decrypt");
  Belongs(table, flow, "reason", FlowKind::kDowngrade, "downgrade");
  Belongs(table, flow, "approved-by", FlowKind::kDowngrade, "downgrade");
  if (flow.kind == FlowKind::kEncrypt) {
    Needs(table, "recipients", "encrypt", "name who can read what arrives");
  } else if (flow.kind == FlowKind::kDowngrade) {
    Needs(table, "reason", "downgrade", "say why information must go down in clear");
    Needs(table, "approved-by", "downgrade", "name two different roles: [\"admin\", \"audit\"]");
    if (sound) CheckApprovers(table, flow);
  }
}

void ReadFlow(const Member& member, TableReader& file, Draft& draft) {
  Flow flow;
  flow.name = member.key;
  flow.origin = member.value.origin;
  TableReader table = file.Below("flow", member.value);
  table.Read("from", flow.from);
  table.Read("to", flow.to);
  bool kind = table.Has("kind") && table.Read("kind", flow.kind);
  ReadLimits(table, flow);
  ReadGates(table, flow);
  // Of an unknown kind the checks would say what is not so.
  if (kind) ReadKindKeys(table, flow);
  table.Finish();
  if (kind) draft.spec.flows.emplace(flow.name, std::move(flow));
}

void ReadRecipient(const Member& member, TableReader& file, Draft& draft) {
  Recipient recipient;
  recipient.name = member.key;
  recipient.origin = member.value.origin;
  TableReader table = file.Below("recipient", member.value);
  table.Read("certificate", recipient.certificate);
  table.Read("key", recipient.key);
  table.Finish();
  draft.spec.recipients.emplace(recipient.name, std::move(recipient));
}

}  // namespace

void ReadFlows(const Node& document, Draft& draft, Faults& faults) {
  TableReader file(document, kFlowsSchema, "flows.toml", draft.scope, faults);
  for (const Member* member : file.NamedTables("recipient")) ReadRecipient(*member, file, draft);
  auto flows = file.NamedTables("flow");
  draft.flow_names = flows.size();
  for (const Member* member : flows) ReadFlow(*member, file, draft);
  file.Finish();
}

}  // namespace bulkhead::vmspec
