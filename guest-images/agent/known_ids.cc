// SPDX-License-Identifier: GPL-2.0-or-later
#include "guest-images/agent/known_ids.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "vmspec/base/file.h"
#include "vmspec/base/unique_fd.h"

namespace bulkhead::agent {

namespace {
constexpr std::size_t kIdBytes = std::tuple_size_v<transfer::TransferId>;
}

Result<KnownIds> KnownIds::Open(std::string path) {
  KnownIds known(std::move(path));
  auto text = ReadFile(known.path_, 1 << 20);
  if (!text && text.error().code == ErrorCode::kNotFound) return known;
  if (!text) return Propagate(text);
  known.in_file_ = text->size() / kIdBytes;
  for (std::size_t i = 0; i < known.in_file_; ++i) {
    transfer::TransferId id;
    std::copy_n(text->begin() + static_cast<std::ptrdiff_t>(i * kIdBytes), kIdBytes, id.begin());
    known.ids_.push_back(id);
  }
  while (known.ids_.size() > kKept) known.ids_.pop_front();
  return known;
}

bool KnownIds::Contains(const transfer::TransferId& id) const {
  return std::ranges::find(ids_, id) != ids_.end();
}

Status KnownIds::Add(const transfer::TransferId& id) {
  ids_.push_back(id);
  if (ids_.size() > kKept) ids_.pop_front();
  return in_file_ >= 2 * kKept ? Rewrite() : Append(id);
}

Status KnownIds::Append(const transfer::TransferId& id) {
  UniqueFd fd(::open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return FailErrno("open " + path_);
  ssize_t n = ::pwrite(fd.get(), id.data(), id.size(), static_cast<off_t>(in_file_ * kIdBytes));
  if (n != static_cast<ssize_t>(id.size()) || ::fdatasync(fd.get()) != 0) {
    return FailErrno("write " + path_);
  }
  ++in_file_;
  return {};
}

Status KnownIds::Rewrite() {
  std::string all;
  for (const auto& id : ids_) all.append(id.begin(), id.end());
  auto written = WriteFileAtomically(path_, all, 0600);
  if (written) in_file_ = ids_.size();
  return written;
}

}  // namespace bulkhead::agent
