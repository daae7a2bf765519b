// SPDX-License-Identifier: GPL-2.0-or-later
/// The numbers of levels and flows, from which their uids come (vmspec/base/identity.h). A number
/// that a name had is not given to another name as long as anything of the old one can be about:
///   - while the name is retained (in the spec, running, or with a folder on disk: the caller
///   says);
///   - and for the rest of the boot in which it was last retained: processes, sockets, taps and
///   FIFOs
///     end with the boot, and a name that returns gets its old number back.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>

#include "vmspec/base/error.h"

namespace bulkhead::hostd {

enum class IndexKind { kLevel, kFlow };

/// Any thread may call any member.
class IndexBook {
 public:
  using Numbers = std::map<std::string, std::uint32_t>;

  /// @param path     Paths.HostdState() + "/indexes"; made by the first Assign.
  /// @param boot_id  /proc/sys/kernel/random/boot_id, [0-9a-f-]{1,64}.
  /// kCorrupt: the file is not what we wrote; the message says the way out. Nothing may be started
  /// then: two levels could get one uid.
  static Result<std::unique_ptr<IndexBook>> Open(std::string path, std::string boot_id);

  /// The numbers (levels 1..4095, flows 1..16383) of all `names`; names without one get one. They
  /// are durable before this returns; all or nothing: after an error no name got a number.
  ///   kLimit    every number is taken, or was in this boot: the message says so; or the disk is
  ///   full. kInvalid  a name that cannot be a level's or a flow's.
  Result<Numbers> Assign(IndexKind kind, const std::set<std::string>& names);

  /// Names that are not among `names` lose their number when this boot is over. Durable. After an
  /// error nothing has changed.
  Status Retain(IndexKind kind, const std::set<std::string>& names);

  /// The number of a retained name, or of one that lost it in this boot.
  [[nodiscard]] std::optional<std::uint32_t> Find(IndexKind kind, const std::string& name) const;
  /// The name behind a number: who a peer's uid belongs to.
  [[nodiscard]] std::optional<std::string> NameOf(IndexKind kind, std::uint32_t index) const;

 private:
  struct Entry {
    std::uint32_t index = 0;
    std::string gone_in;  ///< boot in which it was released; empty: retained
  };
  struct Book {
    std::map<std::string, Entry> levels;
    std::map<std::string, Entry> flows;
  };

  IndexBook(std::string path, std::string boot_id, Book book);
  Status Store(Book book);
  std::optional<std::uint32_t> TakeFree(std::map<std::string, Entry>& part,
                                        std::uint32_t most) const;
  [[nodiscard]] bool IsCurrent(const Entry& entry) const;
  static std::unexpected<Error> Full(IndexKind kind);
  static std::map<std::string, Entry>& Part(Book& book, IndexKind kind);
  static const std::map<std::string, Entry>& Part(const Book& book, IndexKind kind);
  static std::string Print(const Book& book);
  static Result<Book> Parse(const std::string& text);

  const std::string path_;
  const std::string boot_id_;
  mutable std::mutex mutex_;
  Book book_;  ///< guarded by mutex_
};

}  // namespace bulkhead::hostd
