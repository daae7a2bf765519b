// SPDX-License-Identifier: GPL-2.0-or-later
#include <sys/stat.h>

#include "hostd/super/machine.h"
#include "hostd/super/service_table.h"
#include "vmspec/base/file.h"
#include "vmspec/base/identity.h"

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

std::string BusConf(const Paths& paths) {
  return R"(<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<!-- Written by bulkhead-superd at each start. No service is activated, no file included. -->
<busconfig>
  <type>bulkhead</type>
  <listen>unix:path=)" +
         paths.BusSocket() + R"(</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <deny user="*"/>
    <deny own="*"/>
    <allow send_destination="*" eavesdrop="false"/>
    <allow receive_sender="*" eavesdrop="false"/>
  </policy>
  <policy user="bulkhead-hostd">
    <allow own="org.bulkhead.Host1"/>
  </policy>
  <policy context="mandatory">
    <allow user="root"/>
    <allow user="bulkhead-hostd"/>
  </policy>
</busconfig>
)";
}

/// The users and groups that the bus knows: who is not here is turned away.
std::string UserLine(const char* name, uid_t uid, bool group) {
  std::string id = std::to_string(uid);
  return std::string(name) + ":x:" + id + (group ? ":\n" : ":" + id + "::/:/usr/sbin/nologin\n");
}
std::string Users(bool group) {
  return UserLine("root", 0, group) + UserLine("bulkhead-hostd", kUidHostd, group) +
         UserLine("bulkhead-bus", kUidBus, group);
}

/// The machine's users and hostd: libvirtd names each client, and refuses one it cannot name.
Result<std::string> MachinesAndOurs(const char* path, bool group) {
  auto machines = ReadFile(path, 16 << 20);
  if (!machines) return Propagate(machines);
  if (!machines->empty() && machines->back() != '\n') *machines += '\n';
  return *machines + UserLine("bulkhead-hostd", kUidHostd, group);
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
      {"bus.conf", BusConf(paths)},
      {"bus.passwd", Users(false)},
      {"bus.group", Users(true)},
  };
  for (const auto& [name, content] : files) {
    if (auto s = WriteFileAtomically(paths.run + "/super/" + name, content, 0644); !s) return s;
  }
  return {};
}

}  // namespace bulkhead::super
