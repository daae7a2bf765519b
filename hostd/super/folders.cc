// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/super/folders.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>

#include "hostd/super/access_list.h"

namespace bulkhead::super {

namespace {

constexpr int kMaxDepth = 4;

Status Conflict(const std::string& name, const char* what) {
  return Fail(ErrorCode::kConflict,
              name + " is in the way: it is not " + what + "; move it away and try again");
}

std::string SelfPath(int fd) { return "/proc/self/fd/" + std::to_string(fd); }

Status ChangeOwner(int fd, uid_t uid, gid_t gid, const std::string& name) {
  if (::fchownat(fd, "", uid, gid, AT_EMPTY_PATH) != 0) return FailErrno("chown " + name);
  return {};
}

/// Root takes it before it changes the mode and gives it away after: so CAP_CHOWN is enough, and
/// nobody else's rights need overriding. `fd` may be O_PATH.
Status Own(int fd, const struct stat& now, Owner want, const std::string& name) {
  uid_t owner = now.st_uid;
  if ((now.st_mode & 07777) != want.mode) {
    if (owner != 0) {
      if (auto s = ChangeOwner(fd, 0, now.st_gid, name); !s) return s;
      owner = 0;
    }
    // fchmod() does not take an O_PATH descriptor; its name in /proc does, and is no path to swap.
    if (::chmod(SelfPath(fd).c_str(), want.mode) != 0) return FailErrno("chmod " + name);
  }
  if (owner == want.uid && now.st_gid == want.gid) return {};
  return ChangeOwner(fd, want.uid, want.gid, name);
}

using Dir = std::unique_ptr<DIR, decltype([](DIR* d) { ::closedir(d); })>;

Status HandOver(int folder, uid_t uid, int depth);

/// One entry, whatever it is, and for a folder what lies in it.
Status HandOverEntry(int folder, const std::string& name, uid_t uid, int depth) {
  if (::fchownat(folder, name.c_str(), 0, 0, AT_SYMLINK_NOFOLLOW) != 0) {
    return FailErrno("chown " + name);
  }
  UniqueFd inner(::openat(folder, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (inner && depth > 0) {
    if (auto s = HandOver(inner.get(), uid, depth - 1); !s) return s;
  }
  if (::fchownat(folder, name.c_str(), uid, uid, AT_SYMLINK_NOFOLLOW) != 0) {
    return FailErrno("chown " + name);
  }
  return {};
}

/// Hands what lies in the folder, which is root's, to `uid`. For the spool of a flow whose index
/// changed: the half that had it is stopped.
Status HandOver(int folder, uid_t uid, int depth) {
  int copy = ::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  Dir dir(copy < 0 ? nullptr : ::fdopendir(copy));
  if (!dir) return FailErrno("read the folder");
  while (dirent* entry = ::readdir(dir.get())) {
    std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    if (auto s = HandOverEntry(folder, name, uid, depth); !s) return s;
  }
  return {};
}

}  // namespace

Result<UniqueFd> MakeFolderAt(int parent, const std::string& name, Owner owner) {
  // 0700 until it has its owner.
  if (::mkdirat(parent, name.c_str(), 0700) != 0 && errno != EEXIST)
    return FailErrno("mkdir " + name);
  UniqueFd fd(::openat(parent, name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd && (errno == ENOTDIR || errno == ELOOP)) {
    return std::unexpected(Conflict(name, "a folder").error());
  }
  if (!fd) return FailErrno("open " + name);
  struct stat now{};
  if (::fstat(fd.get(), &now) != 0) return FailErrno("stat " + name);
  if (owner.hand_over && now.st_uid != owner.uid) {
    if (auto s = ChangeOwner(fd.get(), 0, 0, name); !s) return Propagate(s);
    if (auto s = HandOver(fd.get(), owner.uid, kMaxDepth); !s) return Propagate(s, name);
    if (::fstat(fd.get(), &now) != 0) return FailErrno("stat " + name);
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
  return Own(fd.get(), now, owner, name);
}

Status LetIn(int folder, uid_t uid) { return SetDefaultAccess(SelfPath(folder), {uid}); }

void RemoveFolderAt(int parent, const std::string& name) {
  (void)::unlinkat(parent, name.c_str(), AT_REMOVEDIR);
}

}  // namespace bulkhead::super
