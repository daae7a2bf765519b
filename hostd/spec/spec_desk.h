// SPDX-License-Identifier: GPL-2.0-or-later
/// Bringing a spec set into force: checked, recorded, numbered, stored, and only then obeyed.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "hostd/applied_spec.h"
#include "hostd/audit/audit_log.h"
#include "hostd/roles/caller.h"
#include "hostd/spec/approval_desk.h"
#include "hostd/spec/spec_store.h"
#include "vmspec/base/paths.h"

namespace bulkhead::hostd {

/// What somebody wants in force.
struct ApplyOrder {
  Caller caller;
  vmspec::SpecFiles files;
  std::string comment;            ///< as given: any text
  std::uint32_t rollback_of = 0;  ///< the version whose files these are; 0: new ones
};

struct SpecOutcome {
  vmspec::SpecFiles files;  ///< what was judged
  std::vector<vmspec::Diagnostic> diagnostics;
  AppliedSpecPtr applied;              ///< null when an error is among them: nothing was changed
  std::vector<std::uint32_t> dropped;  ///< versions that left the history
};

/// What a set may not change under levels that are up: that they are in it, and their labels (what
/// they hold was let in under the old one). kBusy names the level and the way out. Pure.
Status CheckAgainstLive(const vmspec::SpecSet& now, const vmspec::SpecSet& next,
                        const std::set<std::string>& live);

/// Blocking: for worker threads, one call of Load, Apply and Rollback at a time.
class SpecDesk {
 public:
  using Checker = std::function<vmspec::CheckedSpec(const vmspec::SpecFiles&)>;

  /// All borrowed; they outlive this. `checker`: a test's sets may be values without a text.
  SpecDesk(Paths paths, SpecStore* store, IndexBook* book, ApprovalDesk* approvals, AuditLog* audit,
           Checker checker = vmspec::CheckSpec)
      : paths_(std::move(paths)),
        store_(store),
        book_(book),
        approvals_(approvals),
        audit_(audit),
        check_(std::move(checker)) {}

  /// The set that was in force when hostd last ran; empty when none was. kCorrupt, kInvalid,
  /// kRefused: nothing may be started; the message says the way out.
  Result<AppliedSpecPtr> Load();

  /// After an error the set before is still the stored one.
  ///   kRefused  this version cannot carry it out, or the caller may not
  ///   kBusy     a level that is up would lose its place or label
  Result<SpecOutcome> Apply(const ApplyOrder& order, const AppliedSpecPtr& now,
                            const std::set<std::string>& live);

  /// Apply() of the files of a version of the history, judged by today's checker.
  Result<SpecOutcome> Rollback(const Caller& caller, std::uint32_t version,
                               const std::string& comment, const AppliedSpecPtr& now,
                               const std::set<std::string>& live);

  /// The caller approves the downgrades of a set that it need not be able to apply. kInvalid: the
  /// set has a fault; others: see ApprovalDesk::Approve.
  Result<std::vector<Approval>> Approve(const Caller& caller, const vmspec::SpecFiles& files);
  [[nodiscard]] Result<std::vector<Approval>> Approvals() const { return approvals_->All(); }

  [[nodiscard]] Result<std::vector<HistoryEntry>> History() const { return store_->History(); }
  [[nodiscard]] Result<StoredSpec> Version(std::uint32_t number) const {
    return store_->Version(number);
  }

 private:
  Status Judge(const ApplyOrder& order, const vmspec::CheckedSpec& checked,
               const AppliedSpecPtr& now, const std::set<std::string>& live);
  Result<AppliedSpecPtr> Number(vmspec::SpecFiles files, vmspec::SpecSet spec);
  Result<SpecOutcome> Store(const ApplyOrder& order, vmspec::CheckedSpec checked);
  Status ReleaseOld(const vmspec::SpecSet& spec);
  Status Record(const ApplyOrder& order, const std::string& outcome, const std::string& reason);

  Paths paths_;
  SpecStore* store_;
  IndexBook* book_;
  ApprovalDesk* approvals_;
  AuditLog* audit_;
  Checker check_;
};

}  // namespace bulkhead::hostd
