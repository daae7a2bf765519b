// SPDX-License-Identifier: GPL-2.0-or-later
/// Takes the place of the programs that superd starts: listens where that program would, says on
/// its output who it is, and lives until it is killed. Its own name tells which program it plays.
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "vmspec/base/paths.h"
#include "vmspec/base/socket.h"

namespace {

using bulkhead::Paths;

std::string SocketOf(const std::string& name, const Paths& paths) {
  if (name == "virtlogd") return "/run/libvirt/virtlogd-sock";
  if (name == "libvirtd") return "/run/libvirt/libvirt-sock";
  if (name == "dbus-daemon") return paths.BusSocket();
  if (name == "bulkhead-netd") return paths.NetdSocket();
  if (name == "bulkhead-brokerd") return paths.BrokerSocket();
  if (name == "bulkhead-hostd") return paths.ReportSocket();
  return {};
}

/// hostd as root of nothing: its ability to make the folder's socket shows that the folder is its.
int Play(const std::string& name, int argc, char** argv) {
  std::string line = name + " uid " + std::to_string(::getuid());
  for (int i = 1; i < argc; ++i) line += std::string(" ") + argv[i];
  std::puts(line.c_str());
  std::fflush(stdout);
  std::string socket = SocketOf(name, Paths::FromEnvironment());
  bulkhead::Result<bulkhead::UniqueFd> listener = bulkhead::UniqueFd();
  if (!socket.empty()) {
    listener = bulkhead::ListenUnix(socket, 0666);
    if (!listener) {
      std::fprintf(stderr, "%s\n", listener.error().message.c_str());
      return 1;
    }
  }
  for (;;) {
    pollfd p{listener->get(), POLLIN, 0};
    if (::poll(&p, 1, -1) > 0) (void)bulkhead::AcceptUnix(listener->get());
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::string path = argv[0];
  return Play(path.substr(path.rfind('/') + 1), argc, argv);
}
