// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <map>
#include <string>
#include <vector>

#include "hostd/super/service_table.h"
#include "hostd/super/supervisor.h"

namespace bulkhead::super {

/// The instances hostd wants: their folders, their units, and the record from which a superd that
/// was killed begins again.
class InstanceSet {
 public:
  /// Both are borrowed and outlive this.
  InstanceSet(const Site* site, Supervisor* supervisor) : site_(site), supervisor_(supervisor) {}

  /// All or nothing: checks, makes folders, then starts, replaces and stops what differs.
  /// Errors leave what ran before running: kInvalid, kConflict (a thing in a folder's place),
  /// kNotFound (a program is missing), kIo.
  Status Set(const std::vector<hostd::ServiceInstance>& instances, TimePoint now);

  /// Wants again what was set last; nothing when there is no record. kCorrupt: the record is not
  /// what Set() wrote; hostd will say anew what it wants.
  Status Restore(TimePoint now);
  /// QEMU's uid of each level that has an instance.
  [[nodiscard]] std::vector<uid_t> LevelUids() const;
  /// After an orderly end there is nothing to begin again.
  void ForgetRecord();

 private:
  [[nodiscard]] std::string RecordPath() const { return site_->paths.run + "/super/instances"; }
  Status Record(const std::vector<hostd::ServiceInstance>& instances) const;
  void DropOthers(const std::map<std::string, hostd::ServiceInstance>& wanted, TimePoint now);

  const Site* site_;
  Supervisor* supervisor_;
  std::map<std::string, hostd::ServiceInstance> current_;  ///< by unit name
};

}  // namespace bulkhead::super
