// SPDX-License-Identifier: GPL-2.0-or-later
/// The folders below Paths::LevelDir(), which are hostd's and which QEMU passes through (0711).
#pragma once

#include <string>

#include "vmspec/base/error.h"
#include "vmspec/base/unique_fd.h"

namespace bulkhead::hostd {

/// The folder at `path`, made when missing (its parent must be there); the last component is not
/// followed if it is a symlink. kConflict when something else, or somebody else's, is in its place.
Result<UniqueFd> OpenLevelFolder(const std::string& path);

/// The same for `name` (one component) in `parent`, whose path is only for messages.
Result<UniqueFd> OpenSubfolder(int parent, const std::string& parent_path, const std::string& name);

}  // namespace bulkhead::hostd
