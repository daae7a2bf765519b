// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/super/machine.h"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <iterator>
#include <memory>

#include "hostd/super/access_list.h"
#include "vmspec/base/file.h"
#include "vmspec/base/identity.h"

namespace bulkhead::super {

namespace {

/// Each daemon's socket lies in a folder of its own; passages are root's and nobody lists them.
struct Folder {
  const char* under;
  Owner owner;
};
constexpr Folder kRunFolders[] = {
    {"", {0, 0, 0755}},
    {"/super", {0, 0, 0711}},  // our socket; bus.conf, which the bus reads
    {"/super/log", {0, 0, 0700}},
    {"/bus", {kUidBus, kUidBus, 0755}},
    {"/netd", {kUidNetd, kUidNetd, 0755}},
    {"/broker", {kUidBroker, kUidBroker, 0755}},
    {"/hostd", {kUidHostd, kUidHostd, 0755}},
    {"/channels", {0, 0, 0711}},
    {"/flows", {0, 0, 0711}},
};
constexpr Folder kStateFolders[] = {
    {"", {0, 0, 0755}},
    {"/hostd", {kUidHostd, kUidHostd, 0700}},  // desired state, audit log
    {"/broker", {kUidBroker, kUidBroker, 0700}},
    {"/levels", {kUidHostd, kUidHostd, 0711}},  // QEMU passes through to its level's disk
    {"/flows", {0, 0, 0711}},
    {"/images", {0, 0, 0755}},
};

Status MakeParents(const std::string& path) {
  for (std::size_t at = 1; (at = path.find('/', at)) != std::string::npos; ++at) {
    std::string parent = path.substr(0, at);
    if (::mkdir(parent.c_str(), 0755) != 0 && errno != EEXIST) return FailErrno("mkdir " + parent);
  }
  return {};
}

/// What udev's rules of Debian say, for the nodes that we and QEMU open.
struct NodeRule {
  const char* prefix;  ///< of the path under /dev
  bool digits_follow;  ///< "loop" stands for loop0, loop1, ...
  const char* group;
  mode_t mode;
};
constexpr NodeRule kNodes[] = {
    {"net/tun", false, "root", 0666},  // libvirt opens a level's tap with it
    {"kvm", false, "kvm", 0660},       // the acceleration probe
    {"loop-control", false, "disk", 0660},
    {"loop", true, "disk", 0660},  // brokerd opens what it lends
};

bool Matches(const NodeRule& rule, const std::string& node) {
  std::string prefix = rule.prefix;
  if (!rule.digits_follow) return node == prefix;
  return node.starts_with(prefix) && node.size() > prefix.size() &&
         node.find_first_not_of("0123456789", prefix.size()) == std::string::npos;
}

bool Apply(const NodeRule& rule, const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat now{};
  if (!fd || ::fstat(fd.get(), &now) != 0) return false;
  bool is_device = S_ISBLK(now.st_mode) || S_ISCHR(now.st_mode);
  if (!is_device || now.st_uid != 0 || now.st_gid != 0 || (now.st_mode & 07777) != 0600) {
    return false;
  }
  const struct group* group = ::getgrnam(rule.group);
  if (group == nullptr) return false;
  std::string self = "/proc/self/fd/" + std::to_string(fd.get());
  return ::fchownat(fd.get(), "", 0, group->gr_gid, AT_EMPTY_PATH) == 0 &&
         ::chmod(self.c_str(), rule.mode) == 0;
}

/// Everything else goes: modules, the clock, raw I/O, the kernel's log, rebooting...
constexpr int kKept[] = {
    // superd: folders and FIFOs of others, processes of others
    CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER, CAP_FSETID, CAP_KILL, CAP_SETGID,
    CAP_SETUID, CAP_SETPCAP, CAP_SYS_ADMIN, CAP_SYS_RESOURCE,
    // netd, and libvirt for what it does with taps
    CAP_NET_ADMIN,
    // libvirtd: device nodes and namespaces of QEMU, its priority and memory, AppArmor profiles
    CAP_MKNOD, CAP_SYS_CHROOT, CAP_SYS_PTRACE, CAP_SYS_NICE, CAP_IPC_LOCK, CAP_SETFCAP,
    CAP_AUDIT_WRITE, CAP_MAC_ADMIN, CAP_NET_RAW, CAP_NET_BIND_SERVICE, CAP_BPF};

bool IsKept(int capability) {
  for (int kept : kKept) {
    if (kept == capability) return true;
  }
  return false;
}

}  // namespace

std::vector<BaseFolder> BaseFolders(const Paths& paths) {
  std::vector<BaseFolder> all;
  for (const Folder& f : kRunFolders) all.push_back({paths.run + f.under, f.owner});
  for (const Folder& f : kStateFolders) all.push_back({paths.state + f.under, f.owner});
  return all;
}

Status MakeBaseFolders(const Paths& paths) {
  for (const std::string& root : {paths.run, paths.state}) {
    if (auto s = MakeParents(root); !s) return s;
  }
  for (const BaseFolder& f : BaseFolders(paths)) {
    auto made = MakeFolder(f.path, f.owner);
    if (!made) return Propagate(made);
  }
  return {};
}

bool UdevRuns() { return ::access("/run/udev/control", F_OK) == 0; }

bool MayUse(const std::string& user, const std::string& node) {
  const struct passwd* who = ::getpwnam(user.c_str());
  struct stat rights{};
  if (who == nullptr || ::stat(node.c_str(), &rights) != 0) return false;
  if (rights.st_uid == who->pw_uid) return (rights.st_mode & 0600) == 0600;
  gid_t groups[256];
  int count = std::size(groups);
  if (::getgrouplist(who->pw_name, who->pw_gid, groups, &count) < 0) return false;
  bool in_group = std::find(groups, groups + count, rights.st_gid) != groups + count;
  mode_t wanted = in_group ? 0060 : 0006;
  return (rights.st_mode & wanted) == wanted;
}

bool PrepareDevice(const std::string& dev, const std::string& node) {
  for (const NodeRule& rule : kNodes) {
    if (Matches(rule, node)) return Apply(rule, dev + "/" + node);
  }
  return false;
}

std::vector<std::string> PrepareDevices(const std::string& dev) {
  std::vector<std::string> changed;
  if (PrepareDevice(dev, "net/tun")) changed.emplace_back("net/tun");
  std::unique_ptr<DIR, decltype([](DIR* d) { ::closedir(d); })> dir(::opendir(dev.c_str()));
  if (!dir) return changed;
  while (dirent* entry = ::readdir(dir.get())) {
    if (PrepareDevice(dev, entry->d_name)) changed.emplace_back(entry->d_name);
  }
  return changed;
}

Status LetUseKvm(const std::vector<uid_t>& levels, const std::string& node) {
  if (::access(node.c_str(), F_OK) != 0 && errno == ENOENT) return {};
  if (levels.empty()) return RemoveAccess(node);
  return SetAccess(node, levels);
}

Status OpenLibvirtFolder(const Paths& paths, const std::string& folder) {
  UniqueFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat now{};
  if (!fd || ::fstat(fd.get(), &now) != 0 || (now.st_mode & S_IXOTH) != 0) return {};
  std::string memory = paths.run + "/super/libvirt-qemu-mode";
  char old_mode[8];
  std::snprintf(old_mode, sizeof old_mode, "%04o", now.st_mode & 07777u);
  // Only the first time: a mode that libvirtd has set meanwhile is not what was there before us.
  if (::access(memory.c_str(), F_OK) != 0) {
    if (auto s = WriteFileAtomically(memory, old_mode, 0600); !s) return s;
  }
  if (::fchmod(fd.get(), (now.st_mode & 07777) | S_IXOTH) != 0) return FailErrno("chmod " + folder);
  return {};
}

Status DropCapabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  if (::syscall(SYS_capget, &header, data) != 0) return FailErrno("capget");
  for (int c = 0; ::prctl(PR_CAPBSET_READ, c, 0, 0, 0) >= 0; ++c) {
    if (IsKept(c)) continue;
    if (::prctl(PR_CAPBSET_DROP, c, 0, 0, 0) != 0) return FailErrno("capability bounding set");
    unsigned bit = 1U << (c % 32);
    data[c / 32].permitted &= ~bit;
    data[c / 32].effective &= ~bit;
    data[c / 32].inheritable &= ~bit;
  }
  if (::syscall(SYS_capset, &header, data) != 0) return FailErrno("capset");
  return {};
}

}  // namespace bulkhead::super
