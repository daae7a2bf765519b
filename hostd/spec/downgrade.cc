// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/spec/downgrade.h"

#include "vmspec/base/codec.h"
#include "vmspec/base/sha256.h"

namespace bulkhead::hostd {

namespace {

/// Taken apart by name: a field that a flow gets is thought about here, or this does not compile.
std::string DigestOf(const vmspec::Flow& flow, const vmspec::Label& low,
                     const vmspec::Label& high) {
  const auto& [name, from, to, kind, max_file, quota, files, per_hour, types, confirm, timeout,
               scanner, re_render, recipients, sign_with, decrypt_with, reason, approved_by,
               origin] = flow;
  Writer w;
  auto list = [&w](const auto& texts) {
    w.U32(static_cast<std::uint32_t>(texts.size()));
    for (const std::string& text : texts) w.Str(text);
  };
  auto label = [&](const vmspec::Label& l) {
    w.I32(l.rank);
    list(l.compartments);
  };
  w.Str("bulkhead downgrade 1").Str(name).Str(from).Str(to);
  label(low);
  label(high);
  w.U8(static_cast<std::uint8_t>(kind)).U64(max_file).U64(quota).U32(files).U32(per_hour);
  list(types);
  w.U8(confirm ? 1 : 0).U32(timeout).U8(static_cast<std::uint8_t>(scanner));
  w.U8(re_render ? 1 : 0);
  list(recipients);
  w.Str(sign_with);
  list(decrypt_with);
  w.Str(reason);
  list(approved_by);
  (void)origin;
  return Hex(Sha256Of(w.bytes()));
}

}  // namespace

std::vector<Downgrade> DowngradesOf(const vmspec::SpecSet& spec) {
  std::vector<Downgrade> all;
  for (const auto& [name, flow] : spec.flows) {
    if (flow.kind != vmspec::FlowKind::kDowngrade) continue;
    auto from = spec.levels.find(flow.from);
    auto to = spec.levels.find(flow.to);
    if (from == spec.levels.end() || to == spec.levels.end()) continue;
    const vmspec::Label& a = from->second.label;
    const vmspec::Label& b = to->second.label;
    all.push_back({name, flow.from, flow.to, a.ToString(), b.ToString(), flow.reason,
                   flow.approved_by, DigestOf(flow, a, b), flow.origin});
  }
  return all;
}

Result<Consent> JudgeConsent(const Downgrade& downgrade, const std::vector<Approval>& approvals) {
  const auto& roles = downgrade.roles;
  std::string what = "flow " + downgrade.flow + " (" + downgrade.origin.ToString() +
                     ") hands files from " + downgrade.from + " to " + downgrade.to +
                     " against the lattice";
  if (roles.size() != 2 || roles[0] == roles[1]) {
    return Fail(ErrorCode::kRefused, what + ": approved-by must name two different roles");
  }
  for (const Approval& one : approvals) {
    for (const Approval& other : approvals) {
      bool both = one.sha256 == downgrade.sha256 && other.sha256 == downgrade.sha256 &&
                  one.uid != other.uid && one.roles.contains(roles[0]) &&
                  other.roles.contains(roles[1]);
      if (both) return Consent{one.actor, other.actor};
    }
  }
  std::string have;
  for (const Approval& one : approvals) {
    if (one.sha256 == downgrade.sha256) have += (have.empty() ? "" : ", ") + one.actor;
  }
  return Fail(ErrorCode::kRefused, what + ": it takes the approval of the roles " + roles[0] +
                                       " and " + roles[1] + " by two different people, and " +
                                       (have.empty() ? "nobody" : "only " + have) +
                                       " with such a role approved it as it stands; another one "
                                       "who has the missing role approves this "
                                       "very set first (bulkhead spec approve DIR)");
}

}  // namespace bulkhead::hostd
