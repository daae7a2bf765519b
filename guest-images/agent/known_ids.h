// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <deque>
#include <string>

#include "vmspec/base/error.h"
#include "vmspec/base/transfer_messages.h"

namespace bulkhead::agent {

/// The last transfers that were stored, durable, so that one which is sent again is not stored
/// twice. File: ids of 16 bytes one after the other; a torn last one is cut off.
class KnownIds {
 public:
  static constexpr std::size_t kKept = 1024;

  /// Reads `path`, which may be missing.
  static Result<KnownIds> Open(std::string path);

  [[nodiscard]] bool Contains(const transfer::TransferId& id) const;
  /// Durable after success. On an error it is remembered in memory only.
  Status Add(const transfer::TransferId& id);

 private:
  explicit KnownIds(std::string path) : path_(std::move(path)) {}
  Status Rewrite();
  Status Append(const transfer::TransferId& id);

  std::string path_;
  std::deque<transfer::TransferId> ids_;
  std::size_t in_file_ = 0;
};

}  // namespace bulkhead::agent
