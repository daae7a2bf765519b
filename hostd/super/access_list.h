// SPDX-License-Identifier: GPL-2.0-or-later
/// POSIX access lists (acl(5)): the right to read and write for single uids, where a group would
/// have too many members. Owner and group have it beside them, others have nothing.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "vmspec/base/error.h"

namespace bulkhead::super {

/// Replaces the list of what lies at `path`, whose owner the caller must be; a last symlink is
/// followed. kIo: the file system has no lists, among other reasons.
Status SetAccess(const std::string& path, std::vector<uid_t> users);

/// Owner, group and others are all there is again. No list is no error.
Status RemoveAccess(const std::string& path);

/// What is made in this folder from now on begins with that list, whomever it is given to later.
Status SetDefaultAccess(const std::string& folder, std::vector<uid_t> users);

}  // namespace bulkhead::super
