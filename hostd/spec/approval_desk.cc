// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/spec/approval_desk.h"

#include "hostd/roles/access.h"
#include "vmspec/base/clock.h"

namespace bulkhead::hostd {

namespace {

std::set<std::string> RolesFor(const Downgrade& downgrade, const std::set<std::string>& mine) {
  std::set<std::string> both;
  for (const std::string& role : downgrade.roles) {
    if (mine.contains(role)) both.insert(role);
  }
  return both;
}

Approval ApprovalOf(const Downgrade& d, const Caller& caller) {
  return {d.sha256, d.flow,     d.from,       d.to,
          d.reason, caller.uid, caller.actor, RolesFor(d, caller.roles),
          UnixMs()};
}

AuditDetail DetailOf(const Downgrade& d) {
  return {{"sha256", d.sha256},
          {"from", d.from + " " + d.from_label},
          {"to", d.to + " " + d.to_label},
          {"reason", d.reason}};
}

}  // namespace

Result<std::vector<Approval>> ApprovalDesk::Approve(const Caller& caller,
                                                    const vmspec::SpecSet& next) {
  std::vector<Downgrade> downgrades = DowngradesOf(next);
  if (downgrades.empty()) {
    return Fail(ErrorCode::kNotFound, "the set has no downgrade flow: there is nothing to approve");
  }
  std::vector<Approval> approvals;
  for (const Downgrade& d : downgrades) {
    Approval approval = ApprovalOf(d, caller);
    if (approval.roles.empty()) continue;
    AuditDetail detail = DetailOf(d);
    detail.emplace_back("as", SayRoles(approval.roles));
    Status recorded = audit_->Append(caller.actor, "downgrade.approve", d.flow, "allowed", detail);
    if (!recorded) return Propagate(recorded, "the audit log");
    approvals.push_back(std::move(approval));
  }
  if (approvals.empty()) {
    std::set<std::string> wanted(downgrades[0].roles.begin(), downgrades[0].roles.end());
    Error refusal{ErrorCode::kRefused,
                  "to approve flow " + downgrades[0].flow + " takes one of " + SayRoles(wanted) +
                      "; " + caller.actor + " has " + SayRoles(caller.roles),
                  0};
    (void)audit_->Append(caller.actor, "downgrade.approve", downgrades[0].flow, "refused",
                         {{"reason", refusal.message}});
    return std::unexpected(refusal);
  }
  if (Status stored = book_.Add(approvals); !stored) return Propagate(stored);
  return approvals;
}

/// The caller's own, by applying; and the stored ones of exactly this whose givers still have the
/// role.
Result<std::vector<Approval>> ApprovalDesk::Counting(const Downgrade& downgrade,
                                                     const Caller& caller,
                                                     const vmspec::Host& host) {
  std::vector<Approval> counting = {ApprovalOf(downgrade, caller)};
  if (counting[0].roles.empty()) counting.clear();
  auto stored = book_.All();
  if (!stored) return Propagate(stored);
  for (Approval& approval : *stored) {
    if (approval.sha256 != downgrade.sha256 || approval.uid == caller.uid) continue;
    auto now = roles_now_(host, approval.uid);
    if (!now) return Propagate(now, "who approved flow " + downgrade.flow);
    std::erase_if(approval.roles, [&](const std::string& role) { return !now->contains(role); });
    if (!approval.roles.empty()) counting.push_back(std::move(approval));
  }
  return counting;
}

Status ApprovalDesk::Judge(const Caller& caller, const vmspec::SpecSet& now,
                           const vmspec::SpecSet& next) {
  std::set<std::string> in_force;
  for (const Downgrade& d : DowngradesOf(now)) in_force.insert(d.sha256);
  for (const Downgrade& d : DowngradesOf(next)) {
    if (in_force.contains(d.sha256)) continue;
    auto counting = Counting(d, caller, now.host);
    if (!counting) return Propagate(counting);
    auto consent = JudgeConsent(d, *counting);
    if (!consent) return Propagate(consent);
    AuditDetail detail = DetailOf(d);
    detail.emplace_back("as " + d.roles[0], consent->first);
    detail.emplace_back("as " + d.roles[1], consent->second);
    Status recorded = audit_->Append(caller.actor, "downgrade.consent", d.flow, "allowed", detail);
    if (!recorded) return Propagate(recorded, "the audit log");
  }
  return {};
}

}  // namespace bulkhead::hostd
