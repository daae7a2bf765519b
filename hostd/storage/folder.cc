// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/storage/folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmspec/base/file.h"

namespace bulkhead::hostd {

namespace {

constexpr mode_t kMode = 0711;

Result<UniqueFd> OpenFolderAt(int parent, const char* name, const std::string& path) {
  if (::mkdirat(parent, name, kMode) != 0 && errno != EEXIST) return FailErrno("mkdir " + path);
  UniqueFd fd(::openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd && (errno == ENOTDIR || errno == ELOOP)) {
    return Fail(ErrorCode::kConflict, path + " is no folder: move it away");
  }
  if (!fd) return FailErrno("open " + path);
  struct stat now{};
  if (::fstat(fd.get(), &now) != 0) return FailErrno("stat " + path);
  if (now.st_uid != ::geteuid()) {
    return Fail(ErrorCode::kConflict, path + " belongs to uid " + std::to_string(now.st_uid) +
                                          " and not to bulkhead-hostd: give it to uid " +
                                          std::to_string(::geteuid()) + " or move it away");
  }
  // mkdir's mode went through our umask.
  if ((now.st_mode & 07777) != kMode && ::fchmod(fd.get(), kMode) != 0) {
    return FailErrno("chmod " + path);
  }
  return fd;
}

}  // namespace

Result<UniqueFd> OpenLevelFolder(const std::string& path) {
  auto fd = OpenFolderAt(AT_FDCWD, path.c_str(), path);
  if (!fd) return fd;
  auto slash = path.rfind('/');
  if (slash == std::string::npos || slash == 0) return fd;
  if (auto s = SyncDirectory(path.substr(0, slash)); !s) return Propagate(s);
  return fd;
}

Result<UniqueFd> OpenSubfolder(int parent, const std::string& parent_path,
                               const std::string& name) {
  return OpenFolderAt(parent, name.c_str(), parent_path + "/" + name);
}

}  // namespace bulkhead::hostd
