// SPDX-License-Identifier: GPL-2.0-or-later
/// The approvals that people gave, on disk. Any thread may call any member.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "hostd/spec/downgrade.h"

namespace bulkhead::hostd {

class ApprovalBook {
 public:
  /// Bounds: of one person the newest, then of all the newest. A flood of approvals pushes out its
  /// author's own.
  static constexpr std::size_t kMostOfOne = 100;
  static constexpr std::size_t kMost = 2000;

  /// @param path  Paths.HostdState() + "/approvals"
  explicit ApprovalBook(std::string path) : path_(std::move(path)) {}

  /// Durable when it returns; the same person's earlier approval of the same is replaced. After an
  /// error the book is as before.
  Status Add(std::vector<Approval> approvals);
  /// Oldest first. kCorrupt: not what Add wrote; nothing counts as approved then.
  [[nodiscard]] Result<std::vector<Approval>> All() const;

 private:
  [[nodiscard]] Result<std::vector<Approval>> Load() const;
  const std::string path_;
  mutable std::mutex mutex_;
};

}  // namespace bulkhead::hostd
