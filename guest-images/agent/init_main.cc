// SPDX-License-Identifier: GPL-2.0-or-later
/// bulkhead-init: the first program of a level, alone in its initrd. Loads the few modules that
/// lead to the root, mounts the root read-only, the state disk and the writable folders on it, and
/// becomes systemd. Everything is mounted before systemd starts, so no unit has to wait for it.
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <string>
#include <thread>

#include "guest-images/agent/state_disk.h"
#include "guest-images/agent/writable_list.h"
#include "vmspec/base/error.h"
#include "vmspec/base/file.h"
#include "vmspec/base/process_spec.h"
#include "vmspec/base/unique_fd.h"

namespace bulkhead::agent {
namespace {

constexpr char kRoot[] = "/root";  // in the initrd: where the level's root is built up
constexpr char kRootDisk[] = "/dev/vda";
constexpr char kStateDisk[] = "/dev/vdb";
constexpr char kState[] = "/state";
constexpr char kWritableList[] = "/usr/lib/bulkhead/writable";
constexpr std::chrono::seconds kDiskWait{20};
constexpr unsigned long kData = MS_NODEV | MS_NOSUID | MS_NOEXEC;

void Say(const std::string& sentence) {
  UniqueFd kmsg(::open("/dev/kmsg", O_WRONLY | O_CLOEXEC));
  std::string line = "<4>bulkhead-init: " + sentence + "\n";
  if (kmsg) (void)!::write(kmsg.get(), line.data(), line.size());
}

Status Mount(const char* what, const char* where, const char* type, unsigned long flags,
             const char* data = nullptr) {
  if (::mount(what, where, type, flags, data) == 0) return {};
  return FailErrno(std::string("mount ") + what + " on " + where);
}

Status MountKernelFolders() {
  if (auto s = Mount("devtmpfs", "/dev", "devtmpfs", MS_NOSUID, "mode=755"); !s) return s;
  if (auto s = Mount("proc", "/proc", "proc", kData); !s) return s;
  return Mount("sysfs", "/sys", "sysfs", kData);
}

Status LoadModule(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return FailErrno("open " + path);
  if (::syscall(SYS_finit_module, fd.get(), "", 0) == 0 || errno == EEXIST) return {};
  return FailErrno("load " + path);
}

/// /modules/order names one file a line, each after those it needs (guest-images/build-image).
Status LoadModules() {
  auto order = ReadFile("/modules/order", 1 << 16);
  if (!order) return Propagate(order);
  for (const std::string& name : Lines(*order)) {
    if (auto s = LoadModule("/modules/" + name); !s) return s;
  }
  return {};
}

Status WaitFor(const char* disk) {
  auto until = std::chrono::steady_clock::now() + kDiskWait;
  while (::access(disk, F_OK) != 0) {
    if (std::chrono::steady_clock::now() > until) {
      return Fail(ErrorCode::kNotFound, std::string(disk) + " did not appear");
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return {};
}

/// From here on "/" is the level's root; the initrd is gone.
Status EnterRoot() {
  if (auto s = WaitFor(kRootDisk); !s) return s;
  if (auto s = Mount(kRootDisk, kRoot, "erofs", MS_RDONLY | MS_NODEV | MS_NOSUID); !s) return s;
  for (const char* folder : {"/dev", "/proc", "/sys"}) {
    if (auto s = Mount(folder, (kRoot + std::string(folder)).c_str(), nullptr, MS_MOVE); !s) {
      return s;
    }
  }
  if (::chdir(kRoot) != 0) return FailErrno("enter the root");
  if (auto s = Mount(".", "/", nullptr, MS_MOVE); !s) return s;
  if (::chroot(".") != 0 || ::chdir("/") != 0) return FailErrno("change root");
  return Mount("tmpfs", "/run", "tmpfs", kData, "mode=755,size=20%");
}

Status RunTool(std::vector<std::string> argv) {
  ProcessSpec spec;
  spec.argv = std::move(argv);
  spec.env = {"PATH=/usr/sbin:/usr/bin"};
  spec.run_as = RunAs::Unchanged();
  auto child = Spawn(spec);
  if (!child) return Propagate(child);
  int status = 0;
  if (::waitpid(child->pid, &status, 0) != child->pid) return FailErrno("wait");
  // e2fsck says 1 when it has mended something.
  if (WIFEXITED(status) && WEXITSTATUS(status) <= 1) return {};
  return Fail(ErrorCode::kIo, spec.argv[0] + " failed with status " + std::to_string(status));
}

/// A disk that is not ours, also one that a crash left half formatted, is formatted.
Status PrepareStateDisk() {
  if (auto s = WaitFor(kStateDisk); !s) return s;
  UniqueFd disk(::open(kStateDisk, O_RDONLY | O_CLOEXEC));
  if (!disk) return FailErrno(std::string("open ") + kStateDisk);
  auto condition = InspectStateDisk(disk.get());
  disk.reset();
  if (!condition) return Propagate(condition);
  if (*condition == StateDisk::kForeign) {
    Say("formatting the state disk");
    return RunTool({"/usr/sbin/mke2fs", "-t", "ext4", "-q", "-F", "-L", kStateLabel, "-E",
                    "lazy_itable_init=1,lazy_journal_init=1,nodiscard", kStateDisk});
  }
  if (*condition == StateDisk::kDamaged) {
    Say("checking the state disk");
    return RunTool({"/usr/sbin/e2fsck", "-y", kStateDisk});
  }
  return {};
}

/// Creates the folder on the state disk when it is new; an old one keeps owner and mode.
Status MakeFolder(const WritableFolder& folder) {
  std::string path = kState + folder.path;
  for (std::size_t slash = path.find('/', 1); slash != std::string::npos;
       slash = path.find('/', slash + 1)) {
    (void)::mkdir(path.substr(0, slash).c_str(), 0755);
  }
  if (::mkdir(path.c_str(), 0700) != 0) {
    if (errno == EEXIST) return {};
    return FailErrno("create " + path);
  }
  if (::chown(path.c_str(), folder.uid, folder.gid) == 0 && ::chmod(path.c_str(), folder.mode) == 0)
    return {};
  return FailErrno("give " + path + " its owner");
}

Status BindFolder(const WritableFolder& folder) {
  if (auto s = MakeFolder(folder); !s) return s;
  std::string from = kState + folder.path;
  if (auto s = Mount(from.c_str(), folder.path.c_str(), nullptr, MS_BIND); !s) return s;
  return Mount("none", folder.path.c_str(), nullptr, MS_BIND | MS_REMOUNT | kData);
}

Status MountState() {
  if (auto s = PrepareStateDisk(); !s) return s;
  if (auto s = Mount(kStateDisk, kState, "ext4", kData | MS_NOATIME, "errors=remount-ro"); !s)
    return s;
  auto text = ReadFile(kWritableList, 1 << 16);
  if (!text) return Propagate(text);
  auto folders = ParseWritableList(*text);
  if (!folders) return Propagate(folders);
  for (const WritableFolder& folder : *folders) {
    if (auto s = BindFolder(folder); !s) return s;
  }
  return {};
}

Status Boot() {
  if (auto s = MountKernelFolders(); !s) return s;
  if (auto s = LoadModules(); !s) return s;
  if (auto s = EnterRoot(); !s) return s;
  if (auto s = MountState(); !s) return s;
  char program[] = "/usr/lib/systemd/systemd";
  char* argv[] = {program, nullptr};
  char* env[] = {nullptr};
  ::execve(program, argv, env);
  return FailErrno("start systemd");
}

}  // namespace
}  // namespace bulkhead::agent

/// Comes back only when the level cannot start. It is switched off then: the host sees that and
/// shows the console's last lines.
int main() {
  if (::getpid() != 1) {
    std::fputs("bulkhead-init: this is the first program of a level; it does nothing here\n",
               stderr);
    return 2;
  }
  bulkhead::Status status = bulkhead::agent::Boot();
  bulkhead::agent::Say("the level cannot start: " + status.error().message);
  std::this_thread::sleep_for(std::chrono::seconds(1));
  ::reboot(RB_POWER_OFF);
  return 1;
}
