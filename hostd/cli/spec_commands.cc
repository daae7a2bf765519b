// SPDX-License-Identifier: GPL-2.0-or-later
/// spec check, apply, show
#include <ostream>

#include "hostd/cli/command.h"
#include "hostd/cli/spec_report.h"

namespace bulkhead::cli {

namespace {

constexpr unsigned kMostVersion = 4'000'000'000U;

Result<ApplyAnswer> SendSpec(Context& context, const vmspec::SpecFiles& files,
                             const std::string& comment) {
  auto sent = FilesVariant(files);
  if (!sent) return Propagate(sent);
  VariantPtr arguments(
      g_variant_ref_sink(g_variant_new("(@a{ss}@a{sv})", *sent, CommentOptions(comment))));
  auto host = context.Host();
  if (!host) return Propagate(host);
  auto answer = (*host)->Call("ApplySpec", arguments.get(), "(a(sssuussb)a{sv})", kApplyDeadline);
  if (!answer) return Propagate(answer);
  return AnswerFrom(answer->get(), 0, files);
}

Result<VariantPtr> AskFiles(Host1& host, unsigned version) {
  if (version == 0) return host.Call("GetSpec", nullptr, "(a{ss})");
  return host.Call("GetSpecVersion", g_variant_new("(u)", version), "(a{ss}a{sv})");
}

}  // namespace

Result<int> SpecCheck(Context& context, const Arguments& arguments) {
  auto files = vmspec::ReadSpecFolder(arguments.positional[0]);
  if (!files) return Propagate(files);
  return ReportCheck(context, *files, vmspec::CheckSpec(*files));
}

Result<int> SpecApply(Context& context, const Arguments& arguments) {
  auto files = vmspec::ReadSpecFolder(arguments.positional[0]);
  if (!files) return Propagate(files);
  // A fault is shown without hostd, with the whole of its underlined text; hostd checks again.
  vmspec::CheckedSpec local = vmspec::CheckSpec(*files);
  if (!local.ok()) return ReportCheck(context, *files, local);
  auto answer = SendSpec(context, *files, arguments.Value("--message"));
  if (!answer) return Propagate(answer);
  return ReportApplied(context, *answer);
}

Result<int> SpecShow(Context& context, const Arguments& arguments) {
  unsigned version = 0;
  if (arguments.Has("--version")) {
    auto number = NumberIn("--version", arguments.Value("--version"), 1, kMostVersion);
    if (!number) return context.Misused(number.error());
    version = *number;
  }
  auto host = context.Host();
  if (!host) return Propagate(host);
  auto answer = AskFiles(**host, version);
  if (!answer) return Propagate(answer);
  VariantPtr dict(g_variant_get_child_value(answer->get(), 0));
  vmspec::SpecFiles files = FilesFrom(dict.get());
  PrintFiles(context, files);
  if (!context.json() && files.empty()) {
    context.out() << "No spec set is applied: bulkhead spec apply DIR\n";
  }
  return kExitOk;
}

}  // namespace bulkhead::cli
