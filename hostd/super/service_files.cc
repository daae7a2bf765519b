// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <sys/stat.h>

#include "hostd/super/machine.h"
#include "hostd/super/service_table.h"
#include "vmspec/base/file.h"
#include "vmspec/base/identity.h"
#include "vmspec/base/unique_fd.h"

namespace bulkhead::super {

namespace {

/// "+N" is libvirt's form of a numeric group: no line in /etc/group is needed.
std::string LibvirtdConf() {
  return "# Written by bulkhead-superd at each start.\n"
         "unix_sock_group = \"+" +
         std::to_string(kUidHostd) +
         "\"\n"
         "unix_sock_rw_perms = \"0770\"\n"
         "unix_sock_ro_perms = \"0770\"\n"
         "auth_unix_rw = \"none\"\n"
         "auth_unix_ro = \"none\"\n"
         "log_outputs = \"3:stderr\"\n";
}

bool HasGroup(const std::string& file, const std::string& group) {
  return file.starts_with(group + ":") || file.find("\n" + group + ":") != std::string::npos;
}

/// For whom: may connect, and may call hostd.
std::string BusMember(const std::string& attribute) {
  return "  <policy " + attribute +
         ">\n    <allow send_type=\"method_call\" send_destination=\"org.bulkhead.Host1\"/>\n"
         "  </policy>\n  <policy context=\"mandatory\">\n    <allow " +
         attribute + "/>\n  </policy>\n";
}

/// Everybody may ask the bus itself what a client must; nobody reaches anybody but hostd, which
/// answers and announces. A group that the machine does not have lets nobody in.
std::string BusConf(const Paths& paths, const std::string& groups) {
  std::string members = BusMember("user=\"root\"");
  for (const char* group : kBusGroups) {
    if (HasGroup(groups, group)) members += BusMember("group=\"" + std::string(group) + "\"");
  }
  return R"(<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<!-- Written by bulkhead-superd, anew when the machine's groups change. No service is activated, no
     file included. -->
<busconfig>
  <type>bulkhead</type>
  <listen>unix:path=)" +
         paths.BusSocket() + R"(</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <deny user="*"/>
    <deny own="*"/>
    <deny send_destination="*"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus"/>
    <allow send_destination="org.freedesktop.DBus"
           send_interface="org.freedesktop.DBus.Introspectable"/>
    <deny send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus"
          send_member="UpdateActivationEnvironment"/>
    <allow receive_sender="*" eavesdrop="false"/>
  </policy>
  <policy user="bulkhead-hostd">
    <allow own="org.bulkhead.Host1"/>
    <allow send_type="signal" send_interface="org.bulkhead.Host1"/>
    <allow send_type="signal" send_interface="org.freedesktop.DBus.Properties"/>
  </policy>
  <policy context="mandatory">
    <allow user="bulkhead-hostd"/>
  </policy>
)" + members +
         "</busconfig>\n";
}

std::string UserLine(const char* name, uid_t uid, bool group) {
  std::string id = std::to_string(uid);
  return std::string(name) + ":x:" + id + (group ? ":\n" : ":" + id + "::/:/usr/sbin/nologin\n");
}

/// The machine's users and ours: libvirtd and the bus name each client, and turn away whom they
/// cannot name.
Result<std::string> MachinesAndOurs(const char* path, bool group) {
  auto machines = ReadFile(path, 16 << 20);
  if (!machines) return Propagate(machines);
  if (!machines->empty() && machines->back() != '\n') *machines += '\n';
  return *machines + UserLine("bulkhead-hostd", kUidHostd, group) +
         UserLine("bulkhead-bus", kUidBus, group);
}

/// The bus sees this very file in place of the machine's: another one of that name it would not
/// see.
Status WriteInPlace(const std::string& path, const std::string& content) {
  UniqueFd fd(::open(path.c_str(), O_WRONLY | O_TRUNC | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return FailErrno("open " + path);
  return WriteFully(fd.get(), content.data(), content.size());
}

/// libvirt probes QEMU as this user and with CAP_DAC_OVERRIDE. Where only the latter opens KVM it
/// finds KVM, then that the user may have none, and probes anew for each device of each level: it
/// answers after minutes. So in its eyes, and for its probes alone, the user is of KVM's group.
/// Levels have uids of their own, and are in none.
std::string KvmMember() {
  constexpr char kUser[] = "libvirt-qemu";
  constexpr char kNode[] = "/dev/kvm";
  struct stat node{};
  if (::stat(kNode, &node) != 0 || MayUse(kUser, kNode)) return "";
  if (node.st_gid == 0 || (node.st_mode & 0060) != 0060) return "";
  return "bulkhead-kvm:x:" + std::to_string(node.st_gid) + ":" + kUser + "\n";
}

}  // namespace

Status WriteServiceFiles(const Paths& paths) {
  auto passwd = MachinesAndOurs("/etc/passwd", false);
  if (!passwd) return Propagate(passwd);
  auto group = MachinesAndOurs("/etc/group", true);
  if (!group) return Propagate(group);
  const std::pair<const char*, std::string> files[] = {
      {"libvirtd.conf", LibvirtdConf()},
      {"libvirtd.passwd", *passwd},
      {"libvirtd.group", *group + KvmMember()},
      {"bus.conf", BusConf(paths, *group)},
      {"bus.passwd", *passwd},
      {"bus.group", *group},
  };
  for (const auto& [name, content] : files) {
    if (auto s = WriteFileAtomically(paths.run + "/super/" + name, content, 0644); !s) return s;
  }
  return {};
}

Result<bool> BusUsers::Refresh() {
  std::string now;
  for (const char* path : {"/etc/passwd", "/etc/group"}) {
    struct stat s{};
    if (::stat(path, &s) != 0) return FailErrno(std::string("stat ") + path);
    now += std::to_string(s.st_dev) + ":" + std::to_string(s.st_ino) + ":" +
           std::to_string(s.st_size) + ":" + std::to_string(s.st_mtim.tv_sec) + "." +
           std::to_string(s.st_mtim.tv_nsec) + ";";
  }
  if (now == seen_) return false;
  bool first = seen_.empty();
  seen_ = now;
  if (first) return false;
  auto passwd = MachinesAndOurs("/etc/passwd", false);
  if (!passwd) return Propagate(passwd);
  auto group = MachinesAndOurs("/etc/group", true);
  if (!group) return Propagate(group);
  std::string folder = paths_.run + "/super/";
  if (auto s = WriteInPlace(folder + "bus.passwd", *passwd); !s) return Propagate(s);
  if (auto s = WriteInPlace(folder + "bus.group", *group); !s) return Propagate(s);
  auto conf = WriteFileAtomically(folder + "bus.conf", BusConf(paths_, *group), 0644);
  if (!conf) return Propagate(conf);
  return true;
}

}  // namespace bulkhead::super
