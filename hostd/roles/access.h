// SPDX-License-Identifier: GPL-2.0-or-later
/// Who may call what of org.bulkhead.Host1: one closed table. Pure.
#pragma once

#include <string>
#include <string_view>

#include "hostd/roles/caller.h"
#include "vmspec/base/error.h"
#include "vmspec/model.h"

namespace bulkhead::hostd {

/// A call as far as it decides.
struct Ask {
  std::string method;
  std::string level;        ///< the level it is about, if it names one
  bool guest_root = false;  ///< Run: as root of the level
};

/// kRefused with a sentence that names the caller's roles, the ones that it takes, and the level. A
/// method that is not in the table is refused to everybody. A level that the set does not have is
/// not judged here: the method says that it is not there.
Status MayCall(const vmspec::SpecSet& spec, const Caller& caller, const Ask& ask);

/// May lend devices to the level and take them back from it.
Status MayLend(const vmspec::SpecSet& spec, const Caller& caller, const std::string& level);

/// The action that a refused call of `method` has in the audit log: "level.start".
std::string_view ActionOf(std::string_view method);

/// "the roles user, admin", "the role audit", "no role"
std::string SayRoles(const std::set<std::string>& roles);

}  // namespace bulkhead::hostd
