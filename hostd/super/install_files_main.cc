// SPDX-License-Identifier: GPL-2.0-or-later
/// Runs while packages are built: prints what systemd must know of the tables in this code, so that
/// neither a number nor a folder is written down twice.
#include <cstdio>
#include <string_view>

#include "hostd/super/machine.h"
#include "hostd/super/service_table.h"
#include "vmspec/base/identity.h"

namespace bulkhead::super {
namespace {

/// tmpfiles.d(5).
void PrintTmpfiles() {
  for (const BaseFolder& f : BaseFolders(Paths{})) {
    std::printf("d %s %04o %u %u\n", f.path.c_str(), f.owner.mode, f.owner.uid, f.owner.gid);
  }
  // QEMU of a level, with its own uid, passes through libvirt's folder.
  std::printf("z /var/lib/libvirt/qemu 0751\n");
}

/// sysusers.d(5). Levels, agents and halves of flows have numbers only.
void PrintSysusers() {
  const struct {
    const char* name;
    uid_t uid;
    const char* what;
  } users[] = {{"bulkhead-hostd", kUidHostd, "Bulkhead host daemon"},
               {"bulkhead-netd", kUidNetd, "Bulkhead network daemon"},
               {"bulkhead-brokerd", kUidBroker, "Bulkhead device broker"}};
  for (const auto& u : users) std::printf("u %s %u \"%s\"\n", u.name, u.uid, u.what);
  for (const char* group : kBusGroups) std::printf("g %s -\n", group);
}

int Main(int argc, char** argv) {
  std::string_view what = argc == 2 ? argv[1] : "";
  if (what == "tmpfiles") {
    PrintTmpfiles();
  } else if (what == "sysusers") {
    PrintSysusers();
  } else {
    std::fprintf(stderr, "usage: bulkhead-install-files tmpfiles|sysusers\n");
    return 2;
  }
  return 0;
}

}  // namespace
}  // namespace bulkhead::super

int main(int argc, char** argv) { return bulkhead::super::Main(argc, argv); }
