// SPDX-License-Identifier: GPL-2.0-or-later
/// The applied spec sets on disk: the present one in one file, and every one there was, a file
/// each, in the history. The present file is what is in force: it is replaced whole, after its
/// version lies in the history, so a power cut leaves the set of before or the new one, and in the
/// history at most a version more than was ever in force, which is not shown and its number given
/// again.
#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "hostd/spec/spec_version.h"

namespace bulkhead::hostd {

inline constexpr std::size_t kMostVersions = 100;
inline constexpr std::uint64_t kMostHistoryBytes = 64ULL << 20;

/// What Save() did.
struct SavedSpec {
  SpecVersion version;
  std::vector<std::uint32_t> dropped;  ///< versions that made room, oldest first
};

struct HistoryEntry {
  SpecVersion version;  ///< of a damaged one only the number is known
  bool present = false;
  std::string damage;  ///< what is wrong with its file; empty: nothing
};

/// Any thread may call any member.
class SpecStore {
 public:
  /// @param path     Paths.HostdState() + "/spec"; its folder must be there.
  /// @param history  folder of the history; made by the first Save.
  SpecStore(std::string path, std::string history)
      : path_(std::move(path)), history_(std::move(history)) {}

  /// Makes `files` the present set, durably, and a new version. After an error the set before is
  /// still there. kLimit: the disk is full, or the set is larger than a checked set can be.
  Result<SavedSpec> Save(const vmspec::SpecFiles& files, const VersionNote& note);

  /// The present set; number 0 and no files when none was ever saved. The text was checked when it
  /// was applied: check it again, a newer program may be stricter. kCorrupt: not what Save wrote;
  /// the message says the way out. Nothing may be started then.
  [[nodiscard]] Result<StoredSpec> Load() const;

  /// What is kept, newest first. A damaged file does not hide the others.
  [[nodiscard]] Result<std::vector<HistoryEntry>> History() const;

  /// kNotFound: it was dropped or never was; kCorrupt: damaged. The message says what is there.
  [[nodiscard]] Result<StoredSpec> Version(std::uint32_t number) const;

 private:
  [[nodiscard]] Result<StoredSpec> LoadLocked() const;
  [[nodiscard]] std::string FileOf(std::uint32_t number) const;
  [[nodiscard]] Result<std::vector<std::uint32_t>> Numbers() const;
  [[nodiscard]] Result<StoredSpec> ReadVersion(std::uint32_t number) const;
  Status Keep(const StoredSpec& stored);
  Result<std::uint32_t> NextNumber();
  std::vector<std::uint32_t> MakeRoom(std::uint32_t present);

  const std::string path_;
  const std::string history_;
  mutable std::mutex mutex_;
  /// Number of the present set, once it is known: it is not read at each Save. Guarded by mutex_.
  std::optional<std::uint32_t> present_;
};

/// What was dropped of a history whose oldest entry is `oldest`, as a sentence; empty: nothing.
std::string SayDropped(const std::vector<std::uint32_t>& dropped);

}  // namespace bulkhead::hostd
