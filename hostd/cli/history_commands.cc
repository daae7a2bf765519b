// SPDX-License-Identifier: GPL-2.0-or-later
/// spec history, rollback
#include <ostream>

#include "hostd/bus/spec_variants.h"
#include "hostd/cli/command.h"
#include "hostd/cli/spec_report.h"
#include "vmspec/base/sanitize.h"

namespace bulkhead::cli {

namespace {

constexpr std::size_t kShownDigits = 12;

std::span<const Field> VersionFields() {
  using Kind = Field::Kind;
  static constexpr Field fields[] = {
      {"version", Kind::kNumber},     {"time", Kind::kNumber},  {"actor", Kind::kText},
      {"comment", Kind::kText},       {"sha256", Kind::kText},  {"files", Kind::kNumber},
      {"rollback_of", Kind::kNumber}, {"present", Kind::kFlag}, {"damage", Kind::kText},
  };
  return fields;
}

Cell Note(const Dict& version) {
  if (!version.Text("damage").empty()) return {"damaged", Colour::kRed};
  std::int64_t of = version.Number("rollback_of");
  std::string note = of == 0 ? "" : "rollback to " + std::to_string(of);
  if (!version.Flag("present")) return {note, Colour::kDim};
  return {note.empty() ? "in force" : "in force, " + note, Colour::kGreen};
}

void PrintTable(const Context& context, const std::vector<Dict>& versions) {
  Table table({"VERSION", "TIME (UTC)", "WHO", "SHA-256", "NOTE", "COMMENT"}, Fit::kWrap);
  for (const Dict& v : versions) {
    table.Add({std::to_string(v.Number("version")), SpellTime(v.Number("time")), v.Text("actor"),
               v.Text("sha256").substr(0, kShownDigits), Note(v), v.Text("comment")});
  }
  context.Print(table);
}

/// What no table shows: damage with its reason, and what is not there any more.
void PrintRemarks(const Context& context, const std::vector<Dict>& versions) {
  for (const Dict& v : versions) {
    std::string damage = v.Text("damage");
    if (damage.empty()) continue;
    context.out() << "version " << v.Number("version")
                  << " is damaged and cannot be rolled back to: " << Printable(damage, 500) << "\n";
  }
  std::int64_t oldest = versions.back().Number("version");
  if (oldest > 1) {
    context.out() << "Version" << (oldest == 2 ? " 1" : "s 1 to " + std::to_string(oldest - 1))
                  << " dropped: the newest 100 are kept, at most 64 MiB in all.\n";
  }
}

}  // namespace

Result<int> SpecHistory(Context& context, const Arguments&) {
  auto host = context.Host();
  if (!host) return Propagate(host);
  auto answer = (*host)->Call("ListSpecHistory", nullptr, "(aa{sv})");
  if (!answer) return Propagate(answer);
  VariantPtr list(g_variant_get_child_value(answer->get(), 0));
  std::vector<Dict> versions = Dict::List(list.get());
  if (context.json()) {
    JsonArray all;
    for (const Dict& v : versions) all.push_back(v.ToJson(VersionFields()));
    context.Print(Json(JsonMembers{{"versions", std::move(all)}}));
    return kExitOk;
  }
  if (versions.empty()) {
    context.out() << "No spec set was ever applied: bulkhead spec apply DIR\n";
    return kExitOk;
  }
  PrintTable(context, versions);
  PrintRemarks(context, versions);
  return kExitOk;
}

Result<int> SpecRollback(Context& context, const Arguments& arguments) {
  auto number = NumberIn("VERSION", arguments.positional[0], 1, kMostVersion);
  if (!number) return context.Misused(number.error());
  auto host = context.Host();
  if (!host) return Propagate(host);
  std::string reply = std::string("(a{ss}") + hostd::kDiagnosticsType + "a{sv})";
  auto answer = (*host)->Call(
      "Rollback", g_variant_new("(u@a{sv})", *number, CommentOptions(arguments.Value("--message"))),
      reply.c_str(), kApplyDeadline);
  if (!answer) return Propagate(answer);
  VariantPtr dict(g_variant_get_child_value(answer->get(), 0));
  vmspec::SpecFiles files = hostd::SpecFilesFrom(dict.get());
  vmspec::CheckedSpec local = vmspec::CheckSpec(files);
  return ReportApplied(context, AnswerFrom(answer->get(), 1, std::move(files), local));
}

}  // namespace bulkhead::cli
