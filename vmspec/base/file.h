// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "vmspec/base/error.h"

namespace bulkhead {

/// The whole file; kLimit when it is longer than `max_bytes` (nothing is read then).
Result<std::string> ReadFile(const std::string& path, std::size_t max_bytes);

/// Replaces `path` whole and durably: temporary file in the same folder, fsync, rename, fsync of
/// the folder. After any error the old content is still there.
Status WriteFileAtomically(const std::string& path, std::string_view content, mode_t mode);

/// As WriteFileAtomically, for a file that is there: owner, group and mode stay, and what a
/// symbolic link points to is replaced, not the link. kPermission when the owner cannot be kept.
Status ReplaceFile(const std::string& path, std::string_view content);

/// write(2) until all is out.
Status WriteFully(int fd, const void* data, std::size_t size);

/// fsync of a folder, so that a rename or link in it is durable.
Status SyncDirectory(const std::string& path);

}  // namespace bulkhead
