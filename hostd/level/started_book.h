// SPDX-License-Identifier: GPL-2.0-or-later
/// With what each level that is up was started, so that a hostd that begins anew still knows what a
/// later set changed under it. Durable for the boot of the host.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "vmspec/base/error.h"
#include "vmspec/restart_facts.h"

namespace bulkhead::hostd {

using vmspec::RestartFacts;

/// Any thread may call any member.
class StartedBook {
 public:
  /// A file that is missing, of another boot or damaged is an empty book: then nothing is said of
  /// the levels that run.
  StartedBook(std::string path, std::string boot_id);

  /// Durable when it returns. After an error the book is as before.
  Status Set(const std::string& level, const RestartFacts& facts);
  Status Clear(const std::string& level);
  [[nodiscard]] std::optional<RestartFacts> Find(const std::string& level) const;

 private:
  using Book = std::map<std::string, RestartFacts>;
  Status Store(Book book);
  static std::optional<Book> Parse(const std::string& content, const std::string& boot_id);

  const std::string path_;
  const std::string boot_id_;
  mutable std::mutex mutex_;
  Book book_;  ///< guarded by mutex_
};

}  // namespace bulkhead::hostd
