// SPDX-License-Identifier: GPL-2.0-or-later
#include "guest-images/agent/inbox.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>

#include "vmspec/base/file.h"
#include "vmspec/base/transfer_name.h"

namespace bulkhead::agent {

namespace {

constexpr unsigned kMaxNumber = 9999;
constexpr std::size_t kMaxEnding = 16;

Result<UniqueFd> Enter(int parent, const std::string& name, mode_t mode) {
  if (::mkdirat(parent, name.c_str(), mode) != 0 && errno != EEXIST) {
    return FailErrno("create the folder Incoming");
  }
  UniqueFd fd(::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return FailErrno("open the folder Incoming");
  return fd;
}

/// The sentence that the host and its user get; `fault` is errno.
std::unexpected<Error> CannotStore(int fault) {
  if (fault == ENOSPC || fault == EDQUOT || fault == EFBIG) {
    return Fail(ErrorCode::kLimit, "the level's disk is full");
  }
  return FailErrno("the level cannot store the file", fault);
}

Status SetAttribute(int fd, const char* name, const std::string& value) {
  if (::fsetxattr(fd, name, value.data(), value.size(), 0) == 0) return {};
  // A file system without such attributes still gets the file.
  if (errno == EOPNOTSUPP) return {};
  return CannotStore(errno);
}

}  // namespace

std::string NumberedName(const std::string& name, unsigned number) {
  auto dot = name.rfind('.');
  if (dot == std::string::npos || dot == 0 || name.size() - dot > kMaxEnding) dot = name.size();
  std::string tail = " (" + std::to_string(number) + ")" + name.substr(dot);
  std::size_t keep = std::min(dot, kMaxTransferName - tail.size());
  auto continues = [&](std::size_t at) {
    return at < name.size() && (static_cast<unsigned char>(name[at]) & 0xC0) == 0x80;
  };
  while (keep > 0 && continues(keep)) --keep;
  return name.substr(0, keep) + tail;
}

Result<UniqueFd> Inbox::OpenFolder() const {
  UniqueFd home(::open(home_.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!home) return FailErrno("open the home folder");
  auto incoming = Enter(home.get(), "Incoming", 0755);
  if (!incoming) return incoming;
  return Enter(incoming->get(), from_, 0755);
}

Result<bool> Inbox::Begin(const transfer::Begin& begin) {
  Drop();
  if (known_.Contains(begin.id)) return false;
  if (auto s = CheckTransferName(begin.name); !s) return Propagate(s, "the name is refused");
  auto folder = OpenFolder();
  if (!folder) return Propagate(folder);
  UniqueFd file(::openat(folder->get(), ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0644));
  if (!file) return CannotStore(errno);
  if (begin.size > 0) {
    if (begin.size > static_cast<std::uint64_t>(INT64_MAX)) return CannotStore(EFBIG);
    if (::fallocate(file.get(), FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(begin.size)) != 0 &&
        errno != EOPNOTSUPP) {
      return CannotStore(errno);
    }
  }
  ::fchmod(file.get(), 0644);
  file_ = std::move(file);
  begin_ = begin;
  received_ = 0;
  hash_ = Sha256();
  return true;
}

Status Inbox::Append(ByteView bytes) {
  if (!file_) return Fail(ErrorCode::kCorrupt, "data came without a file");
  if (bytes.size() > begin_.size - received_) {
    return Fail(ErrorCode::kCorrupt, "the file is longer than its sender said");
  }
  hash_.Update(bytes);
  received_ += bytes.size();
  while (!bytes.empty()) {
    ssize_t n = ::write(file_.get(), bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return CannotStore(errno);
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
  return {};
}

Status Inbox::Finish(const Sha256Digest& sha256) {
  if (!file_) return Fail(ErrorCode::kCorrupt, "an end came without a file");
  UniqueFd done = std::move(file_);  // whatever happens below, the file is closed
  if (received_ != begin_.size || hash_.Finish() != sha256) {
    return Fail(ErrorCode::kCorrupt, "the file is not what its sender's checksum says");
  }
  if (auto s = SetAttribute(done.get(), kOriginAttribute, from_); !s) return s;
  if (auto s = SetAttribute(done.get(), kTransferAttribute, Hex(begin_.id)); !s) return s;
  if (::fsync(done.get()) != 0) return CannotStore(errno);
  auto folder = OpenFolder();
  if (!folder) return Propagate(folder);
  file_ = std::move(done);
  Status published = Publish(folder->get());
  Drop();
  if (published) (void)known_.Add(begin_.id);
  return published;
}

/// linkat() is the moment when the file exists; it never replaces another. A crash after it and
/// before the id is noted is found by the attribute when the transfer comes again.
Status Inbox::Publish(int folder) {
  std::string self = "/proc/self/fd/" + std::to_string(file_.get());
  for (unsigned number = 1; number <= kMaxNumber; ++number) {
    std::string name = number == 1 ? begin_.name : NumberedName(begin_.name, number);
    if (::linkat(AT_FDCWD, self.c_str(), folder, name.c_str(), AT_SYMLINK_FOLLOW) == 0) {
      return ::fsync(folder) == 0 ? Status() : CannotStore(errno);
    }
    if (errno != EEXIST) return CannotStore(errno);
    if (IsThisTransfer(folder, name)) return {};
  }
  return Fail(ErrorCode::kExists, "too many files of that name are there already");
}

bool Inbox::IsThisTransfer(int folder, const std::string& name) const {
  // O_NONBLOCK: what lies there may be a FIFO that the user made.
  UniqueFd fd(::openat(folder, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  std::array<char, 64> value{};
  if (!fd) return false;
  ssize_t n = ::fgetxattr(fd.get(), kTransferAttribute, value.data(), value.size());
  return n > 0 && std::string_view(value.data(), static_cast<std::size_t>(n)) == Hex(begin_.id);
}

}  // namespace bulkhead::agent
