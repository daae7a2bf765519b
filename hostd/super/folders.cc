// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/super/folders.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>

namespace bulkhead::super {

namespace {

constexpr int kMaxDepth = 4;

Status Conflict(const std::string& name, const char* what) {
  return Fail(ErrorCode::kConflict,
              name + " is in the way: it is not " + what + "; move it away and try again");
}

/// Owner first: changing it clears set-id bits, and the mode must be right last.
Status Own(int fd, const struct stat& now, Owner want, const std::string& name) {
  if ((now.st_uid != want.uid || now.st_gid != want.gid) && ::fchown(fd, want.uid, want.gid) != 0) {
    return FailErrno("chown " + name);
  }
  if ((now.st_mode & 07777) != want.mode && ::fchmod(fd, want.mode) != 0) {
    return FailErrno("chmod " + name);
  }
  return {};
}

using Dir = std::unique_ptr<DIR, decltype([](DIR* d) { ::closedir(d); })>;

/// Hands what lies in the folder to `uid`. For the spool of a flow whose index changed: the half
/// that had it is stopped.
Status HandOver(int folder, uid_t uid, int depth) {
  int copy = ::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  Dir dir(copy < 0 ? nullptr : ::fdopendir(copy));
  if (!dir) return FailErrno("read the folder");
  while (dirent* entry = ::readdir(dir.get())) {
    std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    if (::fchownat(folder, name.c_str(), uid, uid, AT_SYMLINK_NOFOLLOW) != 0) {
      return FailErrno("chown " + name);
    }
    UniqueFd inner(::openat(folder, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!inner || depth == 0) continue;
    if (auto s = HandOver(inner.get(), uid, depth - 1); !s) return s;
  }
  return {};
}

}  // namespace

Result<UniqueFd> MakeFolderAt(int parent, const std::string& name, Owner owner) {
  // 0700 until it has its owner.
  if (::mkdirat(parent, name.c_str(), 0700) != 0 && errno != EEXIST)
    return FailErrno("mkdir " + name);
  UniqueFd fd(::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd && (errno == ENOTDIR || errno == ELOOP)) {
    return std::unexpected(Conflict(name, "a folder").error());
  }
  if (!fd) return FailErrno("open " + name);
  struct stat now{};
  if (::fstat(fd.get(), &now) != 0) return FailErrno("stat " + name);
  if (owner.hand_over && now.st_uid != owner.uid) {
    if (auto s = HandOver(fd.get(), owner.uid, kMaxDepth); !s) return Propagate(s, name);
  }
  if (auto s = Own(fd.get(), now, owner, name); !s) return Propagate(s);
  return fd;
}

Result<UniqueFd> MakeFolder(const std::string& path, Owner owner) {
  auto slash = path.rfind('/');
  std::string parent = slash == 0 ? "/" : path.substr(0, slash);
  UniqueFd fd(::open(parent.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return FailErrno("open " + parent);
  auto made = MakeFolderAt(fd.get(), path.substr(slash + 1), owner);
  if (!made) return Propagate(made, "in " + parent);
  return made;
}

Status MakeFifoAt(int parent, const std::string& name, Owner owner) {
  if (::mkfifoat(parent, name.c_str(), 0) != 0 && errno != EEXIST) {
    return FailErrno("mkfifo " + name);
  }
  // O_PATH: opening the FIFO itself would make this process an end of it.
  UniqueFd fd(::openat(parent, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return FailErrno("open " + name);
  struct stat now{};
  if (::fstat(fd.get(), &now) != 0) return FailErrno("stat " + name);
  if (!S_ISFIFO(now.st_mode)) return Conflict(name, "a FIFO");
  if (now.st_uid == owner.uid && now.st_gid == owner.gid && (now.st_mode & 07777) == owner.mode) {
    return {};
  }
  if (::fchownat(fd.get(), "", owner.uid, owner.gid, AT_EMPTY_PATH) != 0) {
    return FailErrno("chown " + name);
  }
  // fchmod() does not take an O_PATH descriptor; its name in /proc does, and is not a path to swap.
  std::string self = "/proc/self/fd/" + std::to_string(fd.get());
  if (::chmod(self.c_str(), owner.mode) != 0) return FailErrno("chmod " + name);
  return {};
}

void RemoveFolderAt(int parent, const std::string& name) {
  (void)::unlinkat(parent, name.c_str(), AT_REMOVEDIR);
}

}  // namespace bulkhead::super
