// SPDX-License-Identifier: GPL-2.0-or-later
/// Two people for each downgrade: takes approvals, and says whether a set has those that it needs.
/// Blocking: for worker threads.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "hostd/audit/audit_log.h"
#include "hostd/roles/caller.h"
#include "hostd/spec/approval_book.h"
#include "vmspec/spec.h"

namespace bulkhead::hostd {

class ApprovalDesk {
 public:
  /// The roles that somebody has now, by this host's part of the set in force.
  using RolesNow =
      std::function<Result<std::set<std::string>>(const vmspec::Host& host, uid_t uid)>;

  /// `audit` is borrowed and outlives this.
  ApprovalDesk(const std::string& path, AuditLog* audit, RolesNow roles_now)
      : book_(path), audit_(audit), roles_now_(std::move(roles_now)) {}

  /// The caller approves each downgrade of `next` that names one of its roles; recorded, then
  /// stored. kNotFound: there is none in the set; kRefused: the caller has no role of any.
  Result<std::vector<Approval>> Approve(const Caller& caller, const vmspec::SpecSet& next);

  [[nodiscard]] Result<std::vector<Approval>> All() const { return book_.All(); }

  /// Every downgrade of `next` that is not in force as it stands has the consent of two people, of
  /// whom the caller may be one; recorded. kRefused says what is missing.
  Status Judge(const Caller& caller, const vmspec::SpecSet& now, const vmspec::SpecSet& next);

 private:
  Result<std::vector<Approval>> Counting(const Downgrade& downgrade, const Caller& caller,
                                         const vmspec::Host& host);

  ApprovalBook book_;
  AuditLog* audit_;
  RolesNow roles_now_;
};

}  // namespace bulkhead::hostd
