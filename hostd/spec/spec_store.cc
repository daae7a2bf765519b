// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/spec/spec_store.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <memory>

#include "hostd/spec/sealed_file.h"
#include "vmspec/base/file.h"
#include "vmspec/scalars.h"

namespace bulkhead::hostd {

namespace {

constexpr char kKind[] = "spec";

std::unexpected<Error> Damaged(const std::string& path, const std::string& why) {
  return Fail(ErrorCode::kCorrupt,
              "the applied spec in " + path + " is damaged: " + why + "; move it away (mv " + path +
                  " " + path +
                  ".broken), and when hostd is up again apply the spec folder, or an earlier "
                  "version (bulkhead spec rollback N)");
}

/// "17" -> 17; the files of the history have no other names.
std::optional<std::uint32_t> NumberOf(const std::string& name) {
  auto number = vmspec::ParseNumber(name);
  bool good = number && *number >= 1 && *number <= std::numeric_limits<std::uint32_t>::max() &&
              std::to_string(*number) == name;
  if (!good) return std::nullopt;
  return static_cast<std::uint32_t>(*number);
}

std::uint64_t SizeOf(const std::string& path) {
  struct stat s{};
  return ::stat(path.c_str(), &s) == 0 ? static_cast<std::uint64_t>(s.st_size) : 0;
}

std::string Range(std::uint32_t first, std::uint32_t last) {
  return std::to_string(first) + (first == last ? "" : " to " + std::to_string(last));
}

}  // namespace

std::string SayDropped(const std::vector<std::uint32_t>& dropped) {
  if (dropped.empty()) return {};
  return "version" + std::string(dropped.size() == 1 ? " " : "s ") +
         Range(dropped.front(), dropped.back()) +
         " dropped from the history, which keeps the newest " + std::to_string(kMostVersions) +
         " of at most " + std::to_string(kMostHistoryBytes >> 20) + " MiB in all";
}

std::string SpecStore::FileOf(std::uint32_t number) const {
  return history_ + "/" + std::to_string(number);
}

/// Ascending; none when there is no folder yet.
Result<std::vector<std::uint32_t>> SpecStore::Numbers() const {
  std::vector<std::uint32_t> numbers;
  std::unique_ptr<DIR, decltype([](DIR* d) { ::closedir(d); })> dir(::opendir(history_.c_str()));
  if (!dir && errno == ENOENT) return numbers;
  if (!dir) return FailErrno("opendir " + history_);
  while (const dirent* entry = ::readdir(dir.get())) {
    if (auto number = NumberOf(entry->d_name)) numbers.push_back(*number);
  }
  std::ranges::sort(numbers);
  return numbers;
}

Result<StoredSpec> SpecStore::ReadVersion(std::uint32_t number) const {
  auto content = ReadSealed(FileOf(number), kKind, kMostVersionBytes);
  if (!content) return Propagate(content);
  if (!*content) {
    return Fail(ErrorCode::kNotFound, "there is no version " + std::to_string(number) +
                                          " of the spec set: bulkhead spec history shows them");
  }
  auto stored = DecodeVersion(**content);
  if (stored && stored->version.number != number) {
    return Fail(ErrorCode::kCorrupt, "it is version " + std::to_string(stored->version.number));
  }
  return stored;
}

Status SpecStore::Keep(const StoredSpec& stored) {
  if (::mkdir(history_.c_str(), 0700) != 0 && errno != EEXIST) {
    return FailErrno("mkdir " + history_);
  }
  auto content = EncodeVersion(stored.files, stored.version.number, stored.version.note);
  if (!content) return Propagate(content);
  return WriteSealed(FileOf(stored.version.number), kKind, *content);
}

/// One above all that were ever in force; a version of a power cut gives its number to the next.
/// Without a present set, such as after a damaged one was moved away, one above all that are kept.
Result<std::uint32_t> SpecStore::NextNumber() {
  if (!present_) {
    auto stored = LoadLocked();
    if (!stored) return Propagate(stored);
    // Stored by a hostd that had no history: it becomes its first version.
    if (stored->version.number == 0 && !stored->files.empty()) {
      stored->version.number = 1;
      if (Status kept = Keep(*stored); !kept) return Propagate(kept);
    }
    present_ = stored->version.number;
  }
  std::uint32_t last = *present_;
  if (last == 0) {
    auto numbers = Numbers();
    if (!numbers) return Propagate(numbers);
    if (!numbers->empty()) last = numbers->back();
  }
  if (last == std::numeric_limits<std::uint32_t>::max()) {
    return Fail(ErrorCode::kLimit, "the versions of the spec set have no number left");
  }
  return last + 1;
}

Result<SavedSpec> SpecStore::Save(const vmspec::SpecFiles& files, const VersionNote& note) {
  std::scoped_lock lock(mutex_);
  auto number = NextNumber();
  if (!number) return Propagate(number, "store the applied spec");
  StoredSpec stored;
  stored.files = files;
  stored.version = {*number, note, DigestOf(files), static_cast<std::uint32_t>(files.size())};
  auto content = EncodeVersion(files, *number, note);
  if (!content) return Propagate(content, "store the applied spec");
  if (Status s = Keep(stored); !s) return Propagate(s, "keep the version in the history");
  // From here on it is in force.
  if (Status s = WriteSealed(path_, kKind, *content); !s) {
    return Propagate(s, "store the applied spec");
  }
  present_ = *number;
  return SavedSpec{stored.version, MakeRoom(*number)};
}

/// Oldest first. The present one stays whatever its size. What cannot be removed is tried again the
/// next time: it is not worth an error.
std::vector<std::uint32_t> SpecStore::MakeRoom(std::uint32_t present) {
  std::vector<std::uint32_t> dropped;
  auto numbers = Numbers();
  if (!numbers) return dropped;
  std::uint64_t bytes = 0;
  for (std::uint32_t number : *numbers) bytes += SizeOf(FileOf(number));
  std::size_t kept = numbers->size();
  for (std::uint32_t number : *numbers) {
    if (number == present || (kept <= kMostVersions && bytes <= kMostHistoryBytes)) break;
    std::uint64_t size = SizeOf(FileOf(number));
    if (::unlink(FileOf(number).c_str()) != 0) continue;
    dropped.push_back(number);
    --kept;
    bytes -= size;
  }
  return dropped;
}

Result<StoredSpec> SpecStore::Load() const {
  std::scoped_lock lock(mutex_);
  return LoadLocked();
}

Result<StoredSpec> SpecStore::LoadLocked() const {
  auto content = ReadSealed(path_, kKind, kMostVersionBytes);
  if (!content && content.error().code != ErrorCode::kCorrupt) return Propagate(content);
  if (!content) return Damaged(path_, content.error().message);
  if (!*content) return StoredSpec{};
  auto stored = DecodeVersion(**content);
  if (!stored) return Damaged(path_, stored.error().message);
  return stored;
}

Result<std::vector<HistoryEntry>> SpecStore::History() const {
  std::scoped_lock lock(mutex_);
  auto numbers = Numbers();
  if (!numbers) return Propagate(numbers);
  auto now = LoadLocked();
  std::uint32_t present = now ? now->version.number : 0;
  std::vector<HistoryEntry> all;
  for (auto number = numbers->rbegin(); number != numbers->rend(); ++number) {
    if (present != 0 && *number > present) continue;  // a power cut: it never was in force
    HistoryEntry entry;
    entry.version.number = *number;
    entry.present = *number == present;
    auto stored = ReadVersion(*number);
    if (stored) entry.version = stored->version;
    if (!stored) entry.damage = stored.error().message;
    all.push_back(std::move(entry));
  }
  return all;
}

Result<StoredSpec> SpecStore::Version(std::uint32_t number) const {
  std::scoped_lock lock(mutex_);
  auto now = LoadLocked();
  bool never_in_force = now && now->version.number != 0 && number > now->version.number;
  // The present one is read where it is in force: its copy may be damaged.
  if (now && number != 0 && number == now->version.number) return now;
  auto stored = ReadVersion(never_in_force ? 0 : number);
  if (!stored && stored.error().code == ErrorCode::kCorrupt) {
    return Fail(ErrorCode::kCorrupt, "version " + std::to_string(number) + " in " + FileOf(number) +
                                         " is damaged: " + stored.error().message);
  }
  if (!stored && stored.error().code == ErrorCode::kNotFound) {
    return Fail(ErrorCode::kNotFound, "there is no version " + std::to_string(number) +
                                          " of the spec set: bulkhead spec history shows them");
  }
  return stored;
}

}  // namespace bulkhead::hostd
