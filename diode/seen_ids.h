// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <deque>
#include <set>

#include "vmspec/base/error.h"
#include "vmspec/base/transfer_messages.h"
#include "vmspec/base/unique_fd.h"

namespace bulkhead::diode {

/// The ids of the last transfers that were delivered and removed, so that a repetition (the sending
/// half sends again what it retained) is known. In a file `seen` of the spool's folder: 16 bytes
/// each, a torn last one is ignored.
class SeenIds {
 public:
  /// @param folder    borrowed, for good
  /// @param capacity  so many of the newest are known at least
  static Result<SeenIds> Open(int folder, std::size_t capacity);

  [[nodiscard]] bool Contains(const transfer::TransferId& id) const { return known_.contains(id); }
  /// Durable when it returns. After an error the id may be unknown after a restart.
  Status Add(const transfer::TransferId& id);
  [[nodiscard]] std::size_t size() const { return order_.size(); }

 private:
  SeenIds(int folder, std::size_t capacity) : folder_(folder), capacity_(capacity) {}
  void Remember(const transfer::TransferId& id);
  Status Rewrite();

  int folder_;
  std::size_t capacity_;
  UniqueFd file_;
  std::uint64_t file_bytes_ = 0;
  std::deque<transfer::TransferId> order_;
  std::set<transfer::TransferId> known_;
};

}  // namespace bulkhead::diode
