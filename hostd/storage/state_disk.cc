// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/storage/state_disk.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cstdio>
#include <optional>

#include "hostd/storage/folder.h"

namespace bulkhead::hostd {

namespace {

constexpr std::uint64_t kMiB = 1ULL << 20;
constexpr std::uint32_t kLeastMiB = 16;
constexpr std::uint32_t kMostMiB = 1'048'576;
constexpr char kState[] = "state.raw";
constexpr char kScratch[] = "scratch.raw";
/// One that is being made; what lies there is from a start that was cut off.
constexpr char kUnfinished[] = "disk.new";

/// One disk while it is being opened: the folder, and how it is called there and in messages.
struct Place {
  int folder;
  const char* name;
  std::string path;
};

std::string InMiB(std::uint64_t bytes) {
  return std::to_string((bytes + kMiB - 1) / kMiB) + " MiB";
}

std::unexpected<Error> NoRoom(int fd, const Place& place, std::uint64_t size, int error) {
  struct statvfs disk{};
  std::string free = "not enough";
  if (::fstatvfs(fd, &disk) == 0) {
    free = InMiB(static_cast<std::uint64_t>(disk.f_bavail) * disk.f_frsize);
  }
  return std::unexpected(Error{ErrorCode::kLimit,
                               "there is no room for the state disk " + place.path + " of " +
                                   InMiB(size) + " (" + free +
                                   " free): free space, or lower the level's [state] size",
                               error});
}

/// Reserves every block of [0, size), and makes the file that long.
Status Reserve(int fd, const Place& place, std::uint64_t size) {
  int error = 0;
  do {
    error = ::posix_fallocate(fd, 0, static_cast<off_t>(size));
  } while (error == EINTR);
  if (error == ENOSPC || error == EDQUOT || error == EFBIG) return NoRoom(fd, place, size, error);
  if (error != 0) return FailErrno("reserve " + place.path, error);
  return {};
}

Status CheckKind(int fd, const Place& place) {
  struct stat now{};
  if (::fstat(fd, &now) != 0) return FailErrno("stat " + place.path);
  if (!S_ISREG(now.st_mode)) {
    return Fail(ErrorCode::kConflict, place.path + " is no regular file: move it away");
  }
  if (now.st_nlink != 1) {
    return Fail(ErrorCode::kConflict, place.path +
                                          " has a second name (hard link): remove that, or "
                                          "the level would share its disk");
  }
  return {};
}

/// Whether a process that opened it by itself holds a lock: QEMU does, as long as it uses it.
Status CheckUnused(int fd, const Place& place) {
  struct flock all{};
  all.l_type = F_WRLCK;
  all.l_whence = SEEK_SET;
  if (::fcntl(fd, F_OFD_GETLK, &all) != 0) return FailErrno("ask for locks of " + place.path);
  if (all.l_type == F_UNLCK) return {};
  return Fail(ErrorCode::kBusy,
              place.path + " is in use by a running QEMU: stop that virtual machine first");
}

/// The disk that is there, if one is. After kPermission it is there and cannot be opened.
Result<std::optional<UniqueFd>> OpenOld(const Place& place) {
  UniqueFd fd(
      ::openat(place.folder, place.name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!fd && errno == ENOENT) return std::nullopt;
  if (!fd && (errno == ELOOP || errno == EISDIR || errno == ENXIO)) {
    return Fail(ErrorCode::kConflict, place.path + " is no regular file: move it away");
  }
  if (!fd && errno == EACCES) {
    return Fail(ErrorCode::kPermission,
                place.path +
                    " belongs to somebody else and cannot be opened; its content is kept. "
                    "Give it back to bulkhead-hostd: chown " +
                    std::to_string(::geteuid()) + " " + place.path);
  }
  if (!fd) return FailErrno("open " + place.path);
  if (auto s = CheckKind(fd.get(), place); !s) return Propagate(s);
  if (auto s = CheckUnused(fd.get(), place); !s) return Propagate(s);
  return fd;
}

/// A blank disk under its name, there whole or not at all.
Result<UniqueFd> MakeNew(const Place& place, std::uint64_t size) {
  if (::unlinkat(place.folder, kUnfinished, 0) != 0 && errno != ENOENT) {
    return FailErrno("remove what is left of an earlier " + place.path);
  }
  UniqueFd fd(::openat(place.folder, kUnfinished,
                       O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd) return FailErrno("create " + place.path);
  Status s = Reserve(fd.get(), place, size);
  if (s && (::fchmod(fd.get(), 0660) != 0 || ::fsync(fd.get()) != 0)) s = FailErrno("sync");
  // Never over a disk that is there.
  if (s &&
      ::renameat2(place.folder, kUnfinished, place.folder, place.name, RENAME_NOREPLACE) != 0) {
    s = FailErrno("rename to " + place.path);
  }
  if (s && ::fsync(place.folder) != 0) s = FailErrno("sync the folder of " + place.path);
  if (s) return fd;
  ::unlinkat(place.folder, kUnfinished, 0);
  return Propagate(s);
}

/// Brings an old persistent disk to `size`.
Status Grow(int fd, const Place& place, std::uint64_t size) {
  struct stat now{};
  if (::fstat(fd, &now) != 0) return FailErrno("stat " + place.path);
  auto old_size = static_cast<std::uint64_t>(now.st_size);
  if (old_size > size) {
    return Fail(ErrorCode::kInvalid,
                place.path + " has " + InMiB(old_size) + " and the spec says " + InMiB(size) +
                    ": a disk is never shrunk. Set the level's [state] size to \"" +
                    InMiB(old_size) + "\", or move the disk away to begin with a blank one");
  }
  Status s = Reserve(fd, place, size);
  if (!s) {
    // Blocks past the old end are not the level's yet.
    (void)!::ftruncate(fd, now.st_size);
    return s;
  }
  if (old_size != size && ::fsync(fd) != 0) return FailErrno("sync " + place.path);
  return {};
}

Result<UniqueFd> OpenPersistent(const Place& place, std::uint64_t size) {
  auto old = OpenOld(place);
  if (!old) return Propagate(old);
  if (!*old) return MakeNew(place, size);
  if (auto s = Grow((*old)->get(), place, size); !s) return Propagate(s);
  return std::move(**old);
}

Result<UniqueFd> OpenScratch(const Place& place, std::uint64_t size) {
  auto old = OpenOld(place);
  // What cannot be opened can still be replaced: the folder is ours and the content worth nothing.
  if (!old && old.error().code != ErrorCode::kPermission) return Propagate(old);
  if (::unlinkat(place.folder, place.name, 0) != 0 && errno != ENOENT) {
    return FailErrno("remove the old " + place.path);
  }
  if (old) old->reset();  // or its blocks are not free yet
  return MakeNew(place, size);
}

}  // namespace

std::string StateDiskPath(const std::string& level_dir, bool persistent) {
  return level_dir + "/" + (persistent ? kState : kScratch);
}

Result<UniqueFd> OpenStateDisk(const std::string& level_dir, std::uint32_t size_mib,
                               bool persistent) {
  if (size_mib < kLeastMiB || size_mib > kMostMiB) {
    return Fail(ErrorCode::kInvalid,
                "a state disk has 16 to 1048576 MiB, and not " + std::to_string(size_mib));
  }
  auto folder = OpenLevelFolder(level_dir);
  if (!folder) return Propagate(folder);
  Place place{folder->get(), persistent ? kState : kScratch, StateDiskPath(level_dir, persistent)};
  std::uint64_t size = size_mib * kMiB;
  return persistent ? OpenPersistent(place, size) : OpenScratch(place, size);
}

Status RemoveScratchDisk(const std::string& level_dir) {
  UniqueFd folder(::open(level_dir.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder && errno == ENOENT) return {};
  if (!folder) return FailErrno("open " + level_dir);
  for (const char* name : {kScratch, kUnfinished}) {
    if (::unlinkat(folder.get(), name, 0) != 0 && errno != ENOENT)
      return FailErrno("remove " + level_dir + "/" + name);
  }
  if (::fsync(folder.get()) != 0) return FailErrno("sync " + level_dir);
  return {};
}

}  // namespace bulkhead::hostd
