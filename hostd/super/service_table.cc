// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/super/service_table.h"

#include <grp.h>
#include <linux/capability.h>

#include "hostd/super/instance_rules.h"
#include "vmspec/base/identity.h"

namespace bulkhead::super {

namespace {

using hostd::ServiceInstance;
using Kind = ServiceInstance::Kind;

#if defined(__SANITIZE_ADDRESS__)
// The sanitizers map terabytes of shadow.
constexpr bool kBoundMemory = false;
#else
constexpr bool kBoundMemory = true;
#endif

std::string SuperFile(const Paths& paths, const char* name) { return paths.run + "/super/" + name; }

/// A process of uid and gid `uid` with nothing else.
RunAs Only(uid_t uid) {
  RunAs who;
  who.uid = uid;
  who.gid = uid;
  return who;
}

/// The gid of a group that the distribution has; none when it has not.
void JoinIfThere(RunAs& who, const char* group) {
  if (const struct group* g = ::getgrnam(group)) who.groups.push_back(g->gr_gid);
}

/// Programs of the distribution: found in the usual places, nothing of ours.
std::vector<std::string> PlainEnvironment() {
  return {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", "HOME=/"};
}

std::vector<std::string> OurEnvironment(const Site& site) {
  auto env = PlainEnvironment();
  env.insert(env.end(), site.environment.begin(), site.environment.end());
  return env;
}

/// One line of the table: what to run, as whom, when it is ready.
struct Service {
  const char* name;
  const char* program;
  Rank rank;
  bool only_with_own_libvirt;
  bool only_with_foreign_libvirt;
  void (*describe)(const Site& site, UnitSpec& unit);
};

void DescribeVirtlogd(const Site& site, UnitSpec& u) {
  // Root with all superd has: libvirt starts QEMU, cgroups, namespaces with it.
  u.process.run_as = RunAs::Unchanged();
  u.process.env = PlainEnvironment();
  u.process.argv.insert(u.process.argv.end(),
                        {"--pid-file", SuperFile(site.paths, "virtlogd.pid")});
  u.ready_socket = kVirtlogdSocket;
}

void DescribeLibvirtd(const Site& site, UnitSpec& u) {
  u.process.run_as = RunAs::Unchanged();
  u.process.env = PlainEnvironment();
  u.process.argv.insert(u.process.argv.end(),
                        {"--config", SuperFile(site.paths, "libvirtd.conf"), "--pid-file",
                         SuperFile(site.paths, "libvirtd.pid")});
  u.process.max_open_files = 65536;
  // It refuses a client whose uid has no name.
  u.process.file_views = {{SuperFile(site.paths, "libvirtd.passwd"), "/etc/passwd"},
                          {SuperFile(site.paths, "libvirtd.group"), "/etc/group"}};
  u.ready_socket = kLibvirtSocket;
  u.stop_time = std::chrono::seconds(5);
}

void DescribeRelay(const Site& site, UnitSpec& u) {
  // uid 0, for whom libvirt asks no polkit, and no capability.
  u.process.run_as = Only(0);
  u.process.argv.push_back(site.foreign_libvirt_socket);
  u.process.fds = {{site.relay_listener, 3}};
  u.process.may_fork = false;
}

void DescribeBus(const Site& site, UnitSpec& u) {
  u.process.run_as = Only(kUidBus);
  u.process.env = PlainEnvironment();
  u.process.argv.insert(u.process.argv.end(), {"--config-file=" + SuperFile(site.paths, "bus.conf"),
                                               "--nofork", "--nopidfile", "--nosyslog"});
  // dbus-daemon turns users without a line in /etc/passwd away; ours have none.
  u.process.file_views = {{SuperFile(site.paths, "bus.passwd"), "/etc/passwd"},
                          {SuperFile(site.paths, "bus.group"), "/etc/group"}};
  u.ready_socket = site.paths.BusSocket();
}

void DescribeNetd(const Site& site, UnitSpec& u) {
  u.process.run_as = Only(kUidNetd);
  u.process.run_as.capabilities = {CAP_NET_ADMIN};  // nftables, taps, addresses
  u.ready_socket = site.paths.NetdSocket();
}

void DescribeBrokerd(const Site& site, UnitSpec& u) {
  u.process.run_as = Only(kUidBroker);
  JoinIfThere(u.process.run_as, "disk");  // opens block devices
  u.ready_socket = site.paths.BrokerSocket();
}

void DescribeHostd(const Site& site, UnitSpec& u) {
  u.process.run_as = Only(kUidHostd);
  JoinIfThere(u.process.run_as, "kvm");  // boots the acceleration probe
  if (!site.own_libvirt) {
    u.process.env.push_back("BULKHEAD_LIBVIRT_URI=qemu+unix:///system?socket=" +
                            RelaySocket(site.paths));
  }
  u.process.max_open_files = 16384;
  u.ready_socket = site.paths.ReportSocket();
  u.stop_time = std::chrono::seconds(5);
}

constexpr Service kServices[] = {
    // Keeps what QEMU prints, across restarts of libvirtd.
    {"virtlogd", "virtlogd", Rank::kLog, true, false, DescribeVirtlogd},
    // Runs the virtual machines; they outlive it.
    {"libvirtd", "libvirtd", Rank::kLibvirt, true, false, DescribeLibvirtd},
    // Where somebody else runs libvirtd, its polkit would turn hostd away.
    {"libvirt-relay", "bulkhead-libvirt-relay", Rank::kLibvirt, false, true, DescribeRelay},
    // hostd's interface to people.
    {"bus", "dbus-daemon", Rank::kBus, false, false, DescribeBus},
    {"netd", "bulkhead-netd", Rank::kPrivileged, false, false, DescribeNetd},
    {"brokerd", "bulkhead-brokerd", Rank::kPrivileged, false, false, DescribeBrokerd},
    // Last: it asks all the others.
    {"hostd", "bulkhead-hostd", Rank::kHostd, false, false, DescribeHostd},
};

void DescribeAgentd(const ServiceInstance& i, UnitSpec& u) {
  u.process.run_as = Only(AgentdUid(i.index));
  u.process.argv.insert(u.process.argv.end(), {"--level", i.level});
  if (kBoundMemory) u.process.max_address_space_bytes = 64ULL << 20;
}

void DescribeDiodeHalf(const ServiceInstance& i, UnitSpec& u) {
  bool send = i.kind == Kind::kDiodeSend;
  u.process.run_as = Only(send ? DiodeSendUid(i.index) : DiodeReceiveUid(i.index));
  u.process.argv.insert(
      u.process.argv.end(),
      {"--flow", i.name, "--level", i.level, send ? "--to" : "--from", i.peer_level, "--max-file",
       std::to_string(i.max_file_bytes), "--quota", std::to_string(i.quota_bytes), "--max-files",
       std::to_string(i.max_files)});
  if (kBoundMemory) u.process.max_address_space_bytes = 256ULL << 20;
  // Without a reader the sender knows nothing of what it wrote: both begin anew.
  if (!send) u.partner = "diode-send@" + i.name;
}

const char* ProgramOf(Kind kind) {
  switch (kind) {
    case Kind::kAgentd:
      return "bulkhead-agentd";
    case Kind::kDiodeSend:
      return "bulkhead-diode-send";
    case Kind::kDiodeReceive:
      return "bulkhead-diode-receive";
  }
  return "";
}

}  // namespace

std::string RelaySocket(const Paths& paths) { return SuperFile(paths, "libvirt-sock"); }

Result<std::vector<UnitSpec>> Services(const Site& site) {
  std::vector<UnitSpec> units;
  if (site.duty == Duty::kInstances) return units;
  for (const Service& service : kServices) {
    if (service.only_with_own_libvirt && !site.own_libvirt) continue;
    if (service.only_with_foreign_libvirt && site.own_libvirt) continue;
    auto program = site.programs.Find(service.program);
    if (!program) return Propagate(program);
    UnitSpec unit;
    unit.name = service.name;
    unit.rank = service.rank;
    unit.process.argv = {*program};
    unit.process.env = OurEnvironment(site);
    service.describe(site, unit);
    units.push_back(std::move(unit));
  }
  return units;
}

Result<UnitSpec> InstanceUnit(const Site& site, const ServiceInstance& instance) {
  auto program = site.programs.Find(ProgramOf(instance.kind));
  if (!program) return Propagate(program);
  UnitSpec unit;
  unit.name = UnitName(instance);
  unit.rank = Rank::kInstance;
  unit.process.argv = {*program};
  unit.process.env = OurEnvironment(site);
  if (instance.kind == Kind::kAgentd) {
    DescribeAgentd(instance, unit);
  } else {
    DescribeDiodeHalf(instance, unit);
  }
  // Guest bytes come in here: the level's channel by its gid, and nothing else of the machine.
  unit.process.run_as.groups = {LevelUid(instance.level_index)};
  // superd's own unit has no network to leave, and may make no namespace. None of these programs
  // can listen in the one that they then share: their filters know no bind(2).
  unit.process.run_as.network = site.duty == Duty::kInstances;
  unit.process.may_fork = false;
  unit.process.max_open_files = 64;
  return unit;
}

}  // namespace bulkhead::super
