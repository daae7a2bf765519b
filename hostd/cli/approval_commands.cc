// SPDX-License-Identifier: GPL-2.0-or-later
/// spec approve, approvals
#include <ostream>

#include "hostd/cli/command.h"
#include "hostd/cli/spec_report.h"
#include "vmspec/base/sanitize.h"

namespace bulkhead::cli {

namespace {

constexpr std::size_t kShownDigits = 12;

std::span<const Field> ApprovalFields() {
  using Kind = Field::Kind;
  static constexpr Field fields[] = {
      {"flow", Kind::kText},   {"from", Kind::kText},   {"to", Kind::kText},
      {"reason", Kind::kText}, {"actor", Kind::kText},  {"roles", Kind::kTexts},
      {"time", Kind::kNumber}, {"sha256", Kind::kText},
  };
  return fields;
}

void PrintApprovals(const Context& context, const VariantPtr& answer, const char* none) {
  VariantPtr list(g_variant_get_child_value(answer.get(), 0));
  std::vector<Dict> approvals = Dict::List(list.get());
  if (context.json()) {
    JsonArray all;
    for (const Dict& a : approvals) all.push_back(a.ToJson(ApprovalFields()));
    return context.Print(Json(JsonMembers{{"approvals", std::move(all)}}));
  }
  if (approvals.empty()) {
    context.out() << none;
    return;
  }
  Table table({"FLOW", "FROM", "TO", "WHO", "AS", "TIME (UTC)", "SHA-256", "REASON"}, Fit::kWrap);
  for (const Dict& a : approvals) {
    std::string roles;
    for (const std::string& role : a.Texts("roles")) roles += (roles.empty() ? "" : ", ") + role;
    table.Add({a.Text("flow"), a.Text("from"), a.Text("to"), a.Text("actor"), roles,
               SpellTime(a.Number("time")), a.Text("sha256").substr(0, kShownDigits),
               a.Text("reason")});
  }
  context.Print(table);
}

}  // namespace

Result<int> SpecApprove(Context& context, const Arguments& arguments) {
  auto files = vmspec::ReadSpecFolder(arguments.positional[0]);
  if (!files) return Propagate(files);
  vmspec::CheckedSpec local = vmspec::CheckSpec(*files);
  if (!local.ok()) return ReportCheck(context, *files, local);
  auto sent = FilesVariant(*files);
  if (!sent) return Propagate(sent);
  VariantPtr argument(g_variant_ref_sink(g_variant_new("(@a{ss})", *sent)));
  auto host = context.Host();
  if (!host) return Propagate(host);
  auto answer = (*host)->Call("ApproveDowngrades", argument.get(), "(aa{sv})", kApplyDeadline);
  if (!answer) return Propagate(answer);
  PrintApprovals(context, *answer, "Nothing was approved.\n");
  return kExitOk;
}

Result<int> SpecApprovals(Context& context, const Arguments&) {
  auto host = context.Host();
  if (!host) return Propagate(host);
  auto answer = (*host)->Call("ListApprovals", nullptr, "(aa{sv})");
  if (!answer) return Propagate(answer);
  PrintApprovals(context, *answer, "No downgrade was ever approved: bulkhead spec approve DIR\n");
  return kExitOk;
}

}  // namespace bulkhead::cli
