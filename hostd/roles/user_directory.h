// SPDX-License-Identifier: GPL-2.0-or-later
/// Who a uid is, by the machine's directory of users (passwd, group, or whatever NSS asks).
#pragma once

#include <sys/types.h>

#include <set>
#include <string>

#include "vmspec/base/error.h"

namespace bulkhead::hostd {

struct Person {
  std::string name;              ///< empty: the directory does not know the uid
  std::set<std::string> groups;  ///< names, the primary one too
};

/// Blocking, perhaps for long: a directory may lie on the network. Any thread.
class UserDirectory {
 public:
  virtual ~UserDirectory() = default;
  /// A uid that nobody has is a Person without a name. An error: the directory did not answer.
  virtual Result<Person> Find(uid_t uid) = 0;
};

/// getpwuid and getgrouplist.
class SystemDirectory : public UserDirectory {
 public:
  Result<Person> Find(uid_t uid) override;
};

}  // namespace bulkhead::hostd
