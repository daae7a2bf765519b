// SPDX-License-Identifier: GPL-2.0-or-later
/// What a set means for each level, as values that compare; where it is written and with which
/// comment is no part of it. Pure.
#pragma once

#include <map>
#include <set>
#include <string>

#include "hostd/roles/caller.h"
#include "vmspec/base/error.h"
#include "vmspec/model.h"

namespace bulkhead::hostd {

/// Level -> its own fields, and what else of the set it is about: flows and services that begin or
/// end there, device rules for it, its uplink, the keys that it uses, and who has the roles that it
/// names.
std::map<std::string, std::string> MeaningOfLevels(const vmspec::SpecSet& spec);

/// Levels that are added, removed or changed.
std::set<std::string> TouchedLevels(const vmspec::SpecSet& now, const vmspec::SpecSet& next);

/// Each level that the change touches lets one of the caller's roles edit it, as it is now; new
/// levels: admin. kRefused names level and roles.
Status MayEdit(const vmspec::SpecSet& now, const vmspec::SpecSet& next, const Caller& caller);

}  // namespace bulkhead::hostd
