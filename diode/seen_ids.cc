// SPDX-License-Identifier: GPL-2.0-or-later
#include "diode/seen_ids.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace bulkhead::diode {

namespace {

constexpr char kFile[] = "seen";
constexpr char kNewFile[] = "seen.new";
constexpr std::size_t kIdBytes = std::tuple_size_v<transfer::TransferId>;

Result<UniqueFd> OpenFile(int folder, const char* name, int flags) {
  UniqueFd fd(::openat(folder, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | flags, 0600));
  if (!fd) return FailErrno(std::string("open ") + name);
  return fd;
}

/// All at once: on a local file system a short write means that the disk is full.
Status WriteWhole(int fd, ByteView bytes, std::uint64_t offset) {
  ssize_t n = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
  if (n < 0) return FailErrno("write the list of seen transfers");
  if (static_cast<std::size_t>(n) != bytes.size()) return FailErrno("write the list", ENOSPC);
  if (::fsync(fd) != 0) return FailErrno("sync the list of seen transfers");
  return {};
}

}  // namespace

Result<SeenIds> SeenIds::Open(int folder, std::size_t capacity) {
  SeenIds seen(folder, capacity);
  ::unlinkat(folder, kNewFile, 0);
  auto file = OpenFile(folder, kFile, 0);
  if (!file) return Propagate(file);
  seen.file_ = std::move(*file);
  transfer::TransferId id;
  while (::pread(seen.file_.get(), id.data(), id.size(), static_cast<off_t>(seen.file_bytes_)) ==
         static_cast<ssize_t>(id.size())) {
    seen.file_bytes_ += id.size();
    seen.Remember(id);
  }
  return seen;
}

Status SeenIds::Add(const transfer::TransferId& id) {
  if (Contains(id)) return {};
  if (file_bytes_ >= 2 * capacity_ * kIdBytes) {
    if (auto s = Rewrite(); !s) return s;
  }
  if (auto s = WriteWhole(file_.get(), id, file_bytes_); !s) return s;
  file_bytes_ += id.size();
  Remember(id);
  return {};
}

void SeenIds::Remember(const transfer::TransferId& id) {
  if (!known_.insert(id).second) return;
  order_.push_back(id);
  if (order_.size() <= capacity_) return;
  known_.erase(order_.front());
  order_.pop_front();
}

Status SeenIds::Rewrite() {
  auto file = OpenFile(folder_, kNewFile, O_TRUNC);
  if (!file) return Propagate(file);
  Bytes all;
  for (const auto& id : order_) all.insert(all.end(), id.begin(), id.end());
  if (auto s = WriteWhole(file->get(), all, 0); !s) return s;
  if (::renameat(folder_, kNewFile, folder_, kFile) != 0) return FailErrno("rename the list");
  if (::fsync(folder_) != 0) return FailErrno("sync the spool");
  file_ = std::move(*file);
  file_bytes_ = all.size();
  return {};
}

}  // namespace bulkhead::diode
