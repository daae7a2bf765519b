// SPDX-License-Identifier: GPL-2.0-or-later
/// Making folders and FIFOs as root where others may be at work: every step opens the folder itself
/// and changes owner and mode on the descriptor, so that no symlink and no swap is ever followed.
#pragma once

#include <sys/types.h>

#include <string>

#include "vmspec/base/error.h"
#include "vmspec/base/unique_fd.h"

namespace bulkhead::super {

struct Owner {
  uid_t uid = 0;
  gid_t gid = 0;
  mode_t mode = 0;
  bool hand_over = false;  ///< what a folder of another uid holds goes to the new owner too
};

/// The folder at `path`, as an O_PATH descriptor, made when missing (its parents must exist).
/// Symlinks on the way are the administrator's and are followed; the last one is not.
Result<UniqueFd> MakeFolder(const std::string& path, Owner owner);

/// `name` (one component) in `parent`, made when missing, with this owner and mode.
/// kConflict when something that is no folder, or a symlink, is in its place: nothing is changed.
Result<UniqueFd> MakeFolderAt(int parent, const std::string& name, Owner owner);

/// The same for a FIFO. Something else in its place is kConflict.
Status MakeFifoAt(int parent, const std::string& name, Owner owner);

/// What somebody else makes in `folder` (O_PATH will do) `uid` may read and write from its first
/// moment, whomever it is given to later; others but its owner and group may not. By a default ACL.
Status LetIn(int folder, uid_t uid);

/// Removes the folder when it is there and empty.
void RemoveFolderAt(int parent, const std::string& name);

}  // namespace bulkhead::super
