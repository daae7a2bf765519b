// SPDX-License-Identifier: GPL-2.0-or-later
/// spec lower
#include <ostream>

#include "hostd/cli/command.h"
#include "hostd/cli/spec_sets.h"
#include "hostd/lower/lower.h"
#include "vmspec/base/sanitize.h"
#include "vmspec/spec.h"

namespace bulkhead::cli {

namespace {

using hostd::DiodeHalf;
using hostd::DiodeRoute;
using hostd::Grant;
using hostd::Lowered;

Json ToJson(const DiodeHalf& half) {
  return JsonMembers{{"unit", half.unit}, {"uid", std::uint64_t{half.uid}}, {"level", half.level},
                     {"port", half.port}, {"socket", half.socket},          {"spool", half.spool}};
}

Json ToJson(const DiodeRoute& route) {
  const vmspec::Flow& flow = route.flow;
  return JsonMembers{{"flow", flow.name},
                     {"kind", std::string(vmspec::NameOf(flow.kind))},
                     {"max-file-bytes", flow.max_file_bytes},
                     {"quota-bytes", flow.quota_bytes},
                     {"max-files", std::uint64_t{flow.max_files}},
                     {"files-per-hour", std::uint64_t{flow.files_per_hour}},
                     {"types", TextsJson(flow.types)},
                     {"confirm", flow.confirm},
                     {"origin", flow.origin.ToString()},
                     {"send", ToJson(route.send)},
                     {"pipe", route.pipe},
                     {"receive", ToJson(route.receive)}};
}

Json ToJson(const vmspec::DeviceRule& rule) {
  return JsonMembers{{"deny", rule.deny},          {"level", rule.level},
                     {"class", rule.device_class}, {"path", rule.path},
                     {"serial", rule.serial},      {"usb-id", rule.usb_id},
                     {"comment", rule.comment},    {"origin", rule.origin.ToString()}};
}

Json ToJson(const Grant& grant) {
  return JsonMembers{{"class", std::string(vmspec::NameOf(grant.device_class))},
                     {"device", grant.device},
                     {"mode", std::string(vmspec::NameOf(grant.policy.mode))},
                     {"by-rule", grant.ByRule()},
                     {"limits", TextsJson(hostd::LimitsOf(grant))},
                     {"origin", grant.policy.origin.ToString()},
                     {"denied-by", grant.denied_by ? grant.denied_by->ToString() : ""}};
}

template <typename T>
Json AllToJson(const std::vector<T>& values) {
  JsonArray all;
  for (const T& value : values) all.push_back(ToJson(value));
  return all;
}

Json ToJson(const Lowered& lowered) {
  return JsonMembers{{"level", lowered.level},
                     {"index", std::uint64_t{lowered.index}},
                     {"domain", lowered.domain},
                     {"ruleset", lowered.ruleset},
                     {"flows", AllToJson(lowered.routes)},
                     {"device-rules", AllToJson(lowered.device_rules)},
                     {"grants", AllToJson(lowered.grants)}};
}

/// Of a set with a fault nothing is lowered: the fault is what its author wants to see.
Result<vmspec::SpecSet> Checked(Context& context, const vmspec::SpecFiles& files) {
  vmspec::CheckedSpec checked = vmspec::CheckSpec(files);
  if (checked.ok()) return std::move(checked.spec);
  context.around().err << vmspec::FormatDiagnostics(files, checked, false);
  return Fail(ErrorCode::kInvalid, "a spec set with faults cannot be lowered");
}

Status HasLevel(const vmspec::SpecSet& spec, const std::string& level) {
  if (spec.levels.contains(level)) return {};
  std::vector<std::string> names;
  for (const auto& [name, unused] : spec.levels) names.push_back(name);
  return Fail(ErrorCode::kNotFound, "the spec set has no level \"" + Printable(level, 64) + "\"" +
                                        Suggestion(level, names));
}

}  // namespace

Result<int> SpecLower(Context& context, const Arguments& arguments) {
  const std::string& level = arguments.positional[0];
  auto files = arguments.positional.size() > 1 ? vmspec::ReadSpecFolder(arguments.positional[1])
                                               : AppliedFiles(context);
  if (!files) return Propagate(files);
  auto spec = Checked(context, *files);
  if (!spec) return Propagate(spec);
  if (Status has = HasLevel(*spec, level); !has) return Propagate(has);
  auto numbered = hostd::NumberAnew(std::move(*spec));
  if (!numbered) return Propagate(numbered);
  Paths paths = Paths::FromEnvironment();
  hostd::StartFacts facts =
      hostd::FactsOfNoStart(paths, numbered->spec, numbered->spec.levels.at(level));
  auto lowered = hostd::Lower(paths, *numbered, level, facts, context.NowMs() / 1000);
  if (!lowered) return Propagate(lowered);
  if (context.json()) {
    context.Print(ToJson(*lowered));
  } else {
    context.out() << hostd::LoweredText(*lowered);
  }
  return kExitOk;
}

}  // namespace bulkhead::cli
