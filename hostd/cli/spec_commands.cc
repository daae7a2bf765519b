// SPDX-License-Identifier: GPL-2.0-or-later
/// spec check, apply
#include <ostream>

#include "hostd/bus/spec_variants.h"
#include "hostd/cli/command.h"
#include "hostd/cli/spec_report.h"

namespace bulkhead::cli {

namespace {

Result<ApplyAnswer> SendSpec(Context& context, const vmspec::SpecFiles& files,
                             const vmspec::CheckedSpec& local, const std::string& comment) {
  auto sent = FilesVariant(files);
  if (!sent) return Propagate(sent);
  VariantPtr arguments(
      g_variant_ref_sink(g_variant_new("(@a{ss}@a{sv})", *sent, CommentOptions(comment))));
  auto host = context.Host();
  if (!host) return Propagate(host);
  std::string reply = std::string("(") + hostd::kDiagnosticsType + "a{sv})";
  auto answer = (*host)->Call("ApplySpec", arguments.get(), reply.c_str(), kApplyDeadline);
  if (!answer) return Propagate(answer);
  return AnswerFrom(answer->get(), 0, files, local);
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
  // A fault is shown without hostd, which checks again.
  vmspec::CheckedSpec local = vmspec::CheckSpec(*files);
  if (!local.ok()) return ReportCheck(context, *files, local);
  auto answer = SendSpec(context, *files, local, arguments.Value("--message"));
  if (!answer) return Propagate(answer);
  return ReportApplied(context, *answer);
}

}  // namespace bulkhead::cli
