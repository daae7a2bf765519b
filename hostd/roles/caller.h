// SPDX-License-Identifier: GPL-2.0-or-later
/// Who asks, as the bus and the machine's directory of users say it.
#pragma once

#include <sys/types.h>

#include <set>
#include <string>

namespace bulkhead::hostd {

struct Caller {
  uid_t uid = 0;
  std::string actor;            ///< "uid:1000", for the audit log
  std::set<std::string> roles;  ///< by the set in force; may be empty
};

}  // namespace bulkhead::hostd
