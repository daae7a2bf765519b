// SPDX-License-Identifier: GPL-2.0-or-later
/// Bringing a spec set into force: checked, recorded, numbered, stored, and only then obeyed.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "hostd/applied_spec.h"
#include "hostd/audit/audit_log.h"
#include "hostd/spec/spec_store.h"
#include "vmspec/base/paths.h"

namespace bulkhead::hostd {

struct SpecOutcome {
  std::vector<vmspec::Diagnostic> diagnostics;
  AppliedSpecPtr applied;  ///< null when an error is among them: nothing was changed
};

/// What a set may not change under levels that are up: that they are in it, and their labels (what
/// they hold was let in under the old one). kBusy names the level and the way out. Pure.
Status CheckAgainstLive(const vmspec::SpecSet& now, const vmspec::SpecSet& next,
                        const std::set<std::string>& live);

/// Blocking: for worker threads, one call at a time.
class SpecDesk {
 public:
  /// All borrowed; they outlive this.
  SpecDesk(Paths paths, SpecStore* store, IndexBook* book, AuditLog* audit)
      : paths_(std::move(paths)), store_(store), book_(book), audit_(audit) {}

  /// The set that was in force when hostd last ran; empty when none was. kCorrupt, kInvalid:
  /// nothing may be started; the message says the way out.
  Result<AppliedSpecPtr> Load();

  /// After an error the set before is still the stored one.
  Result<SpecOutcome> Apply(const std::string& actor, const vmspec::SpecFiles& files,
                            const AppliedSpecPtr& now, const std::set<std::string>& live);

 private:
  Result<AppliedSpecPtr> Number(vmspec::SpecFiles files, vmspec::SpecSet spec);
  Status ReleaseOld(const vmspec::SpecSet& spec);

  Paths paths_;
  SpecStore* store_;
  IndexBook* book_;
  AuditLog* audit_;
};

}  // namespace bulkhead::hostd
