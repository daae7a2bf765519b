// SPDX-License-Identifier: GPL-2.0-or-later
/// Which agentd and diode halves shall run: an agentd for each level that is up, and both halves of
/// each flow that has an end up.
#pragma once

#include <mutex>
#include <set>
#include <string>

#include "hostd/applied_spec.h"
#include "hostd/lower/lower_instances.h"
#include "hostd/ports.h"

namespace bulkhead::hostd {

/// Levels at the ends of what is another by `after` than by `before`, of those that are up. Pure.
std::set<std::string> EndsOfChanges(const AppliedSpec& before, const AppliedSpec& after,
                                    const std::set<std::string>& live);

/// Any thread may call any member; calls to superd are one at a time, so that the last word is the
/// latest.
class InstanceKeeper {
 public:
  /// `control` is borrowed and outlives this.
  explicit InstanceKeeper(InstanceControl* control) : control_(control) {}

  /// Folders of the level's channels exist and its processes are being started when this returns.
  Status Activate(const AppliedSpecPtr& applied, const std::string& level);
  Status Deactivate(const AppliedSpecPtr& applied, const std::string& level);
  /// hostd began and found these levels up: nothing of one ends when the next word is about
  /// another. superd hears of it with that word. Never blocks: nothing may be under way.
  void Adopt(std::set<std::string> live);
  /// The set changed, the levels that are up did not. From now on it is this set that superd is
  /// told of, also by a start or stop that began under the one before.
  Status Refresh(const AppliedSpecPtr& applied);

 private:
  Status Tell(const AppliedSpecPtr& applied, std::set<std::string> live);
  InstanceControl* control_;
  std::mutex mutex_;
  std::set<std::string> live_;  ///< guarded by mutex_
  AppliedSpecPtr newest_;       ///< of the last Refresh: guarded by mutex_
};

}  // namespace bulkhead::hostd
