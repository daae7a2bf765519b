// SPDX-License-Identifier: GPL-2.0-or-later
/// The folder in which one half keeps transfers. It is right after kill -9 at any system call, and
/// after a power cut it holds at least what was ever kHeld.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "diode/spool_file.h"
#include "vmspec/base/unique_fd.h"

namespace bulkhead::diode {

struct SpoolLimits {
  std::uint64_t quota_bytes = 0;  ///< of declared content, what is still coming in included
  std::uint32_t max_files = 0;
};

class Spool {
 public:
  enum class State {
    kUnsynced,  ///< whole and verified, not yet on the disk
    kHeld,      ///< durable; waits for hostd's record
    kReady,     ///< recorded: goes on
  };
  struct Entry {
    State state = State::kUnsynced;
    Transfer transfer;
    UniqueFd unsynced;  ///< its file, while kUnsynced
  };
  struct Lost {
    Transfer transfer;
    Error error;
  };

  /// Takes the folder as a predecessor left it: what was coming in is removed, what is kHeld is
  /// held against its digest again and synced, damaged files are removed. Uses system calls
  /// (reading a folder) that the program gives up later.
  /// @param folder  borrowed, for good.
  static Result<Spool> Open(int folder, const SpoolLimits& limits);

  /// kLimit, with the reason, when a transfer of `size` bytes has no room.
  [[nodiscard]] Status HasRoom(std::uint64_t size) const;
  [[nodiscard]] bool Holds(const transfer::TransferId& id) const { return ids_.contains(id); }

  /// One transfer at a time comes in. Its bytes are reserved on the disk first: kLimit when that is
  /// full; nothing is left then.
  Status StartPart(const Transfer& transfer);
  /// Bytes within the declared size. After an error: DropPart().
  Status AppendPart(ByteView bytes);
  /// The part becomes an entry, kUnsynced. After an error: DropPart().
  Result<std::uint64_t> FinishPart(const Sha256Digest& sha256);
  /// Removes it; harmless when there is none.
  void DropPart();
  [[nodiscard]] bool has_part() const { return part_.has_value(); }

  [[nodiscard]] std::size_t unsynced() const { return unsynced_.size(); }
  /// Makes every kUnsynced entry durable and kHeld. Those that the disk did not take are removed
  /// and returned. Many at once cost little more than one.
  std::vector<Lost> Sync();

  /// Renames a kHeld entry to kReady. Durable after SyncFolder(); after a power cut before that it
  /// is kHeld again.
  Status MakeReady(std::uint64_t seq);
  Status SyncFolder();
  void Remove(std::uint64_t seq);
  /// The file, to be read from kContentOffset on.
  [[nodiscard]] Result<UniqueFd> OpenContent(std::uint64_t seq) const;

  /// In order of arrival.
  [[nodiscard]] const std::map<std::uint64_t, Entry>& entries() const { return entries_; }
  [[nodiscard]] std::uint64_t used_bytes() const { return used_bytes_; }

 private:
  struct Part {
    std::uint64_t seq = 0;
    Transfer transfer;
    UniqueFd fd;
    std::uint64_t written = 0;
    std::uint64_t pushed = 0;  ///< up to here the kernel was asked to write out
  };

  Spool(int folder, const SpoolLimits& limits) : folder_(folder), limits_(limits) {}
  Status Scan();
  Status Adopt(std::uint64_t seq, State state);
  Result<Transfer> Inspect(const std::string& name, State state) const;
  void Add(std::uint64_t seq, State state, Transfer transfer, UniqueFd unsynced);
  [[nodiscard]] Status Reserve(int fd, std::uint64_t size) const;
  void PushOut(Part& part);
  void Unlink(const std::string& name) const;

  int folder_;
  SpoolLimits limits_;
  std::map<std::uint64_t, Entry> entries_;
  std::set<transfer::TransferId> ids_;
  std::vector<std::uint64_t> unsynced_;
  std::optional<Part> part_;
  std::uint64_t used_bytes_ = 0;
  std::uint64_t next_seq_ = 1;
};

}  // namespace bulkhead::diode
