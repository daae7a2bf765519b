// SPDX-License-Identifier: GPL-2.0-or-later
/// The audit log of this machine as a file: every decision leaves a record here before it takes
/// effect (I7). Format, chain and torn tail: docs/protocols/audit.md.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vmspec/base/audit_record.h"
#include "vmspec/base/unique_fd.h"

namespace bulkhead::hostd {

using AuditDetail = std::vector<std::pair<std::string, std::string>>;

/// The one writer of the log. Any thread may call any member at any time.
class AuditLog {
 public:
  /// Opens the log at `path`, or makes it (0600; its folder must be there), and takes it for this
  /// process alone. The chain is checked: all of it up to 64 MiB, else the last 64 MiB. A last line
  /// that a power cut tore is cut off, durably, and a record `audit.repaired` says so.
  ///
  /// Errors; nothing has been changed:
  ///   kCorrupt     the chain is broken, or the path holds no regular file of ours; the message
  ///                names the line and the way out. Nothing may be started then.
  ///   kBusy        another process has the log.
  ///   kPermission, kLimit, kIo  from the file system.
  static Result<std::unique_ptr<AuditLog>> Open(const std::string& path);

  /// Appends one record and returns when it is durable (fdatasync); threads that wait at the same
  /// time share one sync. Sequence number, time and chain are filled in.
  ///
  /// @param outcome  "allowed", "refused", "failed" or "done".
  /// @param detail   values may be hostile: they are made printable and clipped to 1024 bytes.
  /// Actor,
  ///                 action, subject and keys are made printable and clipped to 256; at most 64
  ///                 pairs.
  ///
  /// Errors; the record is not in the log then, and what it was to announce must not happen:
  ///   kLimit    the disk is full; a partial line was taken back. Appending later can succeed.
  ///   kCorrupt  somebody else wrote, cut, moved or removed the file. Final for this object.
  ///   kIo       the disk failed. Final for this object: what it holds is not known any more.
  Status Append(std::string_view actor, std::string_view action, std::string_view subject,
                std::string_view outcome, AuditDetail detail = {});

  /// The last lines, oldest first: at most `n`, 10,000 and 16 MiB of them. Reads no more than that.
  [[nodiscard]] Result<std::vector<std::string>> Tail(std::size_t n) const;

  /// Checks the whole log as it was at the call; appending goes on meanwhile. Reads all of it.
  [[nodiscard]] Result<AuditVerdict> Verify() const;

  /// Hash of the last durable record: what an administrator notes elsewhere to prove the log later.
  [[nodiscard]] Sha256Digest LastHash() const;
  /// Number of the last durable record; 0: none.
  [[nodiscard]] std::uint64_t LastSeq() const;

 private:
  /// A record whose thread waits in Append.
  struct Waiting {
    AuditRecord record;
    Status status;
    bool finished = false;
  };
  /// How far the file is good: every record up to here is durable.
  struct Head {
    std::uint64_t bytes = 0;
    std::uint64_t seq = 0;
    Sha256Digest hash{};
  };

  AuditLog(std::string path, UniqueFd fd, Head head);
  void Lead(std::unique_lock<std::mutex>& lock);
  Result<Head> Commit(const std::vector<Waiting*>& batch, Head head);
  [[nodiscard]] Status CheckUnchanged(const Head& head) const;
  std::unexpected<Error> TakeBack(const Head& head, const Error& why);
  Status CutTornTail(std::uint64_t torn_bytes);

  const std::string path_;
  const UniqueFd fd_;
  mutable std::mutex mutex_;
  std::condition_variable progress_;
  Head head_;                    ///< guarded by mutex_
  std::vector<Waiting*> queue_;  ///< guarded by mutex_
  bool committing_ = false;      ///< guarded by mutex_: one thread writes for all
  Status broken_;                ///< guarded by mutex_: the final error, if any
};

}  // namespace bulkhead::hostd
