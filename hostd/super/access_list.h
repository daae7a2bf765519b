// SPDX-License-Identifier: GPL-2.0-or-later
/// POSIX access lists (acl(5)): a right for single uids, where a group would have too many members.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "vmspec/base/error.h"

namespace bulkhead::super {

/// Who may read and write; nobody may execute.
struct AccessList {
  std::vector<uid_t> users;  ///< beside the owner
  bool group = true;         ///< the owning group may, too
};

/// Replaces the list of what lies at `path`, whose owner the caller must be; a last symlink is
/// followed. kIo: the file system has no lists, among other reasons.
Status SetAccess(const std::string& path, const AccessList& list);

/// Owner, group and others are all there is again. No list is no error.
Status RemoveAccess(const std::string& path);

/// What is made in this folder from now on begins with that list, whomever it is given to later.
Status SetDefaultAccess(const std::string& folder, const AccessList& list);

}  // namespace bulkhead::super
