// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/spec/carry_out.h"

#include <vector>

#include "hostd/lower/lower.h"
#include "vmspec/codes.h"

namespace bulkhead::hostd {

namespace {

/// Its halves hand the files on in clear: another kind must never be run by them.
bool RunsInClear(vmspec::FlowKind kind) {
  return kind == vmspec::FlowKind::kTransfer || kind == vmspec::FlowKind::kDowngrade;
}

std::vector<std::string> Settings(const vmspec::CheckedSpec& checked) {
  std::vector<std::string> all;
  for (const auto& d : checked.diagnostics) {
    if (d.code == vmspec::codes::kNotYet) all.push_back(d.origin.ToString() + ": " + d.message);
  }
  for (const auto& [name, flow] : checked.spec.flows) {
    if (RunsInClear(flow.kind)) continue;
    all.push_back(flow.origin.ToString() + ": flow " + name + " encrypts or decrypts");
  }
  return all;
}

/// What no start would take: an address that cannot be a level's, more than the kernel can count.
void AddWhatCannotStart(const vmspec::SpecSet& spec, std::vector<std::string>& all) {
  auto numbered = NumberAnew(spec);
  if (!numbered) return all.push_back(numbered.error().message);
  Paths paths;
  for (const auto& [name, level] : numbered->spec.levels) {
    Status able = CanLower(paths, *numbered, name, FactsOfNoStart(paths, numbered->spec, level), 0);
    if (!able) all.push_back(able.error().message);
  }
}

Status Refusal(const std::vector<std::string>& all) {
  if (all.empty()) return {};
  std::string more = all.size() == 1 ? "" : ", and " + std::to_string(all.size() - 1) + " more";
  return Fail(ErrorCode::kRefused,
              "this version of Bulkhead cannot carry out all that the set says (" + all[0] + more +
                  "): take it out of the set; bulkhead spec check shows each as a warning");
}

}  // namespace

Status CanCarryOutSettings(const vmspec::CheckedSpec& checked) {
  return Refusal(Settings(checked));
}

Status CanCarryOut(const vmspec::CheckedSpec& checked) {
  std::vector<std::string> all = Settings(checked);
  AddWhatCannotStart(checked.spec, all);
  return Refusal(all);
}

}  // namespace bulkhead::hostd
