// SPDX-License-Identifier: GPL-2.0-or-later
/// Small files of hostd's own that must be whole or not there: one line
///   bulkhead KIND 1 LENGTH SHA256
/// and then LENGTH bytes. Written atomically; the digest tells a damaged disk, not an attacker, who
/// would have to be hostd or root. Any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "vmspec/base/error.h"

namespace bulkhead::hostd {

/// Replaces `path` durably, mode 0600. After an error the old content is still there.
Status WriteSealed(const std::string& path, std::string_view kind, std::string_view content);

/// The content; nothing when there is no file. kCorrupt when it is not what WriteSealed wrote for
/// `kind`, or is longer than `most` bytes: the message says what, without a way out.
Result<std::optional<std::string>> ReadSealed(const std::string& path, std::string_view kind,
                                              std::size_t most);

}  // namespace bulkhead::hostd
