// SPDX-License-Identifier: GPL-2.0-or-later
#include "diode/spool.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <utility>

namespace bulkhead::diode {

namespace {

/// So much may wait in memory before the kernel is asked to write: the last sync is short then.
constexpr std::uint64_t kPushBytes = 4 << 20;

struct CloseDir {
  void operator()(DIR* dir) const { ::closedir(dir); }
};

Result<std::vector<std::string>> NamesIn(int folder) {
  UniqueFd own(::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!own) return FailErrno("open the spool");
  std::unique_ptr<DIR, CloseDir> dir(::fdopendir(own.get()));
  if (!dir) return FailErrno("read the spool");
  (void)own.release();
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(dir.get())) names.emplace_back(entry->d_name);
  return names;
}

Status WriteAt(int fd, ByteView bytes, std::uint64_t offset) {
  while (!bytes.empty()) {
    ssize_t n = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return FailErrno("write to the spool");
    bytes = bytes.subspan(static_cast<std::size_t>(n));
    offset += static_cast<std::uint64_t>(n);
  }
  return {};
}

std::string_view SuffixOf(Spool::State state) {
  return state == Spool::State::kReady ? kReadySuffix : kHeldSuffix;
}

}  // namespace

// --- taking over what a predecessor left -------------------------------------------------------

Result<Spool> Spool::Open(int folder, const SpoolLimits& limits) {
  Spool spool(folder, limits);
  if (auto s = spool.Scan(); !s) return Propagate(s);
  return spool;
}

Status Spool::Scan() {
  auto names = NamesIn(folder_);
  if (!names) return Propagate(names);
  for (const std::string& name : *names) {
    if (ParseSpoolName(name, kPartSuffix)) Unlink(name);
    for (State state : {State::kHeld, State::kReady}) {
      auto seq = ParseSpoolName(name, SuffixOf(state));
      if (!seq) continue;
      if (auto s = Adopt(*seq, state); !s) return s;
    }
  }
  return SyncFolder();
}

Status Spool::Adopt(std::uint64_t seq, State state) {
  next_seq_ = std::max(next_seq_, seq + 1);
  std::string name = SpoolName(seq, SuffixOf(state));
  auto transfer = Inspect(name, state);
  if (transfer) {
    Add(seq, state, std::move(*transfer), {});
    return {};
  }
  // Torn by a power cut before it was recorded, or by a broken disk: there is nothing to save.
  if (transfer.error().code == ErrorCode::kCorrupt) {
    Unlink(name);
    return {};
  }
  return Propagate(transfer);
}

Result<Transfer> Spool::Inspect(const std::string& name, State state) const {
  UniqueFd fd(::openat(folder_, name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd) return FailErrno("open " + name);
  Bytes page(kContentOffset);
  ssize_t n = ::pread(fd.get(), page.data(), page.size(), 0);
  if (n < 0) return FailErrno("read " + name);
  auto transfer = DecodeSpoolHeader(ByteView(page).first(static_cast<std::size_t>(n)));
  if (!transfer) return transfer;
  struct stat now{};
  if (::fstat(fd.get(), &now) != 0) return FailErrno("stat " + name);
  auto expected = kContentOffset + transfer->size;
  auto damaged = Fail(ErrorCode::kCorrupt, name + " is damaged");
  if (static_cast<std::uint64_t>(now.st_size) != expected) return damaged;
  if (state == State::kReady) return transfer;
  // It may have been killed before its sync.
  if (::lseek(fd.get(), kContentOffset, SEEK_SET) < 0) return FailErrno("seek in " + name);
  auto digest = Sha256OfFile(fd.get());
  if (!digest) return Propagate(digest);
  if (*digest != transfer->sha256) return damaged;
  if (::fsync(fd.get()) != 0) return FailErrno("sync " + name);
  return transfer;
}

void Spool::Add(std::uint64_t seq, State state, Transfer transfer, UniqueFd unsynced) {
  used_bytes_ += transfer.size;
  ids_.insert(transfer.id);
  entries_.emplace(seq, Entry{state, std::move(transfer), std::move(unsynced)});
}

// --- what comes in -----------------------------------------------------------------------------

Status Spool::HasRoom(std::uint64_t size) const {
  std::uint64_t used = used_bytes_ + (part_ ? part_->transfer.size : 0);
  if (used > limits_.quota_bytes || size > limits_.quota_bytes - used) {
    return Fail(ErrorCode::kLimit,
                "the flow's quota of " + std::to_string(limits_.quota_bytes) + " bytes is used up");
  }
  if (entries_.size() + (part_ ? 1 : 0) >= limits_.max_files) {
    return Fail(ErrorCode::kLimit,
                "the flow holds its " + std::to_string(limits_.max_files) + " files already");
  }
  return {};
}

Status Spool::StartPart(const Transfer& transfer) {
  DropPart();
  std::uint64_t seq = next_seq_++;
  std::string name = SpoolName(seq, kPartSuffix);
  UniqueFd fd(
      ::openat(folder_, name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return FailErrno("create a file in the spool");
  part_.emplace(Part{seq, transfer, std::move(fd), 0, 0});
  Status reserved = Reserve(part_->fd.get(), kContentOffset + transfer.size);
  if (!reserved) DropPart();
  return reserved;
}

Status Spool::Reserve(int fd, std::uint64_t size) const {
  int rc = ::fallocate(fd, 0, 0, static_cast<off_t>(size));
  if (rc == 0) return {};
  // A file system without it finds out while writing.
  if (errno == EOPNOTSUPP && ::ftruncate(fd, static_cast<off_t>(size)) == 0) return {};
  return FailErrno("reserve room in the spool");
}

Status Spool::AppendPart(ByteView bytes) {
  if (!part_ || bytes.size() > part_->transfer.size - part_->written) {
    return Fail(ErrorCode::kInternal, "bytes beyond what was reserved");
  }
  auto s = WriteAt(part_->fd.get(), bytes, kContentOffset + part_->written);
  if (!s) return s;
  part_->written += bytes.size();
  if (part_->written - part_->pushed >= kPushBytes) PushOut(*part_);
  return {};
}

/// Begins to write out, without waiting. Only a hint, so an error means nothing.
void Spool::PushOut(Part& part) {
  (void)::sync_file_range(part.fd.get(), static_cast<off_t>(part.pushed),
                          static_cast<off_t>(kContentOffset + part.written - part.pushed),
                          SYNC_FILE_RANGE_WRITE);
  part.pushed = part.written;
}

Result<std::uint64_t> Spool::FinishPart(const Sha256Digest& sha256) {
  if (!part_ || part_->written != part_->transfer.size) {
    return Fail(ErrorCode::kInternal, "a transfer ended before its bytes");
  }
  part_->transfer.sha256 = sha256;
  auto header = EncodeSpoolHeader(part_->transfer);
  if (auto s = WriteAt(part_->fd.get(), header, 0); !s) return Propagate(s);
  PushOut(*part_);
  std::string from = SpoolName(part_->seq, kPartSuffix);
  std::string to = SpoolName(part_->seq, kHeldSuffix);
  if (::renameat(folder_, from.c_str(), folder_, to.c_str()) != 0) {
    return FailErrno("rename in the spool");
  }
  std::uint64_t seq = part_->seq;
  Add(seq, State::kUnsynced, std::move(part_->transfer), std::move(part_->fd));
  unsynced_.push_back(seq);
  part_.reset();
  return seq;
}

void Spool::DropPart() {
  if (!part_) return;
  Unlink(SpoolName(part_->seq, kPartSuffix));
  part_.reset();
}

std::vector<Spool::Lost> Spool::Sync() {
  std::vector<Lost> lost;
  if (unsynced_.empty()) return lost;
  std::map<std::uint64_t, Status> synced;
  for (std::uint64_t seq : std::exchange(unsynced_, {})) {
    bool done = ::fsync(entries_.at(seq).unsynced.get()) == 0;
    synced[seq] = done ? Status{} : FailErrno("sync the spool");
  }
  // The names too: a file without a name after a power cut was not kept.
  Status names = SyncFolder();
  for (auto& [seq, status] : synced) {
    Entry& entry = entries_.at(seq);
    entry.unsynced.reset();
    entry.state = State::kHeld;
    if (status && names) continue;
    lost.push_back({entry.transfer, status ? names.error() : status.error()});
    Remove(seq);
  }
  return lost;
}

// --- what goes on ------------------------------------------------------------------------------

Status Spool::MakeReady(std::uint64_t seq) {
  auto found = entries_.find(seq);
  if (found == entries_.end() || found->second.state != State::kHeld) {
    return Fail(ErrorCode::kInternal, "no transfer is held under this number");
  }
  std::string from = SpoolName(seq, kHeldSuffix);
  std::string to = SpoolName(seq, kReadySuffix);
  if (::renameat(folder_, from.c_str(), folder_, to.c_str()) != 0) {
    return FailErrno("rename in the spool");
  }
  found->second.state = State::kReady;
  return {};
}

Status Spool::SyncFolder() {
  if (::fsync(folder_) != 0) return FailErrno("sync the spool");
  return {};
}

void Spool::Remove(std::uint64_t seq) {
  auto found = entries_.find(seq);
  if (found == entries_.end()) return;
  Unlink(SpoolName(seq, SuffixOf(found->second.state)));
  used_bytes_ -= found->second.transfer.size;
  ids_.erase(found->second.transfer.id);
  entries_.erase(found);
}

Result<UniqueFd> Spool::OpenContent(std::uint64_t seq) const {
  auto found = entries_.find(seq);
  if (found == entries_.end()) return Fail(ErrorCode::kNotFound, "no such transfer");
  std::string name = SpoolName(seq, SuffixOf(found->second.state));
  UniqueFd fd(::openat(folder_, name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd) return FailErrno("open " + name);
  return fd;
}

void Spool::Unlink(const std::string& name) const { ::unlinkat(folder_, name.c_str(), 0); }

}  // namespace bulkhead::diode
