// SPDX-License-Identifier: GPL-2.0-or-later
/// The one list of folders of a level that can be written and outlive it:
/// /usr/lib/bulkhead/writable in the image. One a line: PATH MODE UID GID; `#` begins a comment.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "vmspec/base/error.h"

namespace bulkhead::agent {

struct WritableFolder {
  std::string path;  ///< absolute, without "." and ".."
  mode_t mode = 0;   ///< of a new folder, at most 07777 and without SUID and SGID
  uid_t uid = 0;
  gid_t gid = 0;
};

/// kInvalid names the line.
Result<std::vector<WritableFolder>> ParseWritableList(std::string_view text);

/// The lines of `text` that are neither empty nor comments.
std::vector<std::string> Lines(std::string_view text);

}  // namespace bulkhead::agent
