// SPDX-License-Identifier: GPL-2.0-or-later
/// What superd can start, and as whom: the one table of it. Nothing else is ever run.
#pragma once

#include <string>
#include <vector>

#include "hostd/super/programs.h"
#include "hostd/super/supervisor.h"
#include "hostd/super_client.h"
#include "vmspec/base/error.h"
#include "vmspec/base/paths.h"

namespace bulkhead::super {

/// What is superd's to start on this machine.
enum class Duty {
  kAll,        ///< no service manager runs: libvirt where nobody runs it, the bus, our daemons
  kInstances,  ///< systemd starts the daemons from their units: only what hostd asks for
};

/// What the table must know of this machine.
struct Site {
  Paths paths;
  Duty duty = Duty::kAll;
  Programs programs;
  std::vector<std::string> environment;  ///< "NAME=value" of BULKHEAD_*: handed to our programs
  bool own_libvirt = true;  ///< no libvirtd runs here: ours are started; else hostd gets the relay
  std::string foreign_libvirt_socket;  ///< when it does
  int relay_listener = -1;             ///< when it does: borrowed, listens for hostd
};

/// The services of a machine, in the order in which they start.
/// kNotFound when a program is missing.
Result<std::vector<UnitSpec>> Services(const Site& site);

/// The unit of one checked instance.
Result<UnitSpec> InstanceUnit(const Site& site, const hostd::ServiceInstance& instance);

/// The groups whose members may come as far as hostd, which judges each call by roles. "bulkhead"
/// gives no role: it is for members of roles that host.toml defines by other groups.
inline constexpr const char* kBusGroups[] = {"bulkhead", "bulkhead-user", "bulkhead-admin",
                                             "bulkhead-audit"};

/// Files that services read: libvirtd's and the bus' configuration, the bus' view of the users.
Status WriteServiceFiles(const Paths& paths);

/// Who may come to the bus follows the machine's users and groups while it runs.
class BusUsers {
 public:
  explicit BusUsers(Paths paths) : paths_(std::move(paths)) {}
  /// Looks whether they changed since the last call; true: the bus' files are new, and it must read
  /// them (SIGHUP).
  Result<bool> Refresh();

 private:
  Paths paths_;
  std::string seen_;  ///< what the machine's files looked like; empty: not yet
};

/// Where libvirt listens, and where the relay does.
inline constexpr char kLibvirtSocket[] = "/run/libvirt/libvirt-sock";
inline constexpr char kVirtlogdSocket[] = "/run/libvirt/virtlogd-sock";
std::string RelaySocket(const Paths& paths);

}  // namespace bulkhead::super
