// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "vmspec/base/unique_fd.h"

namespace bulkhead {

Result<std::string> ReadFile(const std::string& path, std::size_t max_bytes) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!fd) return FailErrno("open " + path);
  std::string out;
  char buffer[65536];
  for (;;) {
    ssize_t n = ::read(fd.get(), buffer, sizeof buffer);
    if (n == 0) return out;
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return FailErrno("read " + path);
    if (out.size() + static_cast<std::size_t>(n) > max_bytes) {
      return Fail(ErrorCode::kLimit,
                  path + " is longer than the " + std::to_string(max_bytes) + " bytes allowed");
    }
    out.append(buffer, static_cast<std::size_t>(n));
  }
}

Status WriteFully(int fd, const void* data, std::size_t size) {
  const char* p = static_cast<const char*>(data);
  while (size > 0) {
    ssize_t n = ::write(fd, p, size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return FailErrno("write");
    p += n;
    size -= static_cast<std::size_t>(n);
  }
  return {};
}

Status SyncDirectory(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return FailErrno("open " + path);
  if (::fsync(fd.get()) != 0) return FailErrno("fsync " + path);
  return {};
}

namespace {

/// Owner and mode of a file that is written.
struct FileRights {
  uid_t uid = static_cast<uid_t>(-1);  ///< -1: whoever we are
  gid_t gid = static_cast<gid_t>(-1);
  mode_t mode = 0;
};

/// The mode comes after the owner: chown(2) may take set-id bits away.
Status GiveRights(int fd, const FileRights& rights) {
  bool owned = rights.uid == static_cast<uid_t>(-1) || ::fchown(fd, rights.uid, rights.gid) == 0;
  if (!owned) return FailErrno("keep the owner");
  if (::fchmod(fd, rights.mode) != 0) return FailErrno("keep the mode");
  return {};
}

Status Write(const std::string& path, std::string_view content, const FileRights& rights) {
  std::string temporary = path + ".new";
  // What a killed writer left. Never written into: it could be a FIFO, on which we would wait, or a
  // second name of another file.
  if (::unlink(temporary.c_str()) != 0 && errno != ENOENT) {
    return FailErrno("create " + temporary);
  }
  const int how = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;
  UniqueFd fd(::open(temporary.c_str(), how, rights.mode));
  if (!fd) return FailErrno("create " + temporary);
  Status s = WriteFully(fd.get(), content.data(), content.size());
  if (s) s = GiveRights(fd.get(), rights);
  if (s && ::fsync(fd.get()) != 0) s = FailErrno("fsync");
  if (s && std::rename(temporary.c_str(), path.c_str()) != 0) s = FailErrno("rename to");
  if (!s) {
    ::unlink(temporary.c_str());
    return Propagate(s, "write " + path);
  }
  auto slash = path.rfind('/');
  return SyncDirectory(slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash));
}

}  // namespace

Status WriteFileAtomically(const std::string& path, std::string_view content, mode_t mode) {
  return Write(path, content, FileRights{.mode = mode});
}

Status ReplaceFile(const std::string& path, std::string_view content) {
  std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr), &std::free);
  struct stat st{};
  if (!real || ::stat(real.get(), &st) != 0) return FailErrno("open " + path);
  return Write(real.get(), content, FileRights{st.st_uid, st.st_gid, st.st_mode & 07777U});
}

}  // namespace bulkhead
