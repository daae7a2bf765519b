// SPDX-License-Identifier: GPL-2.0-or-later
/// bulkhead-hostd: owns which levels run. Holds libvirt's socket, no capability, no guest bytes.
#include <glib-unix.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "hostd/daemon.h"
#include "hostd/libvirt/libvirt_hypervisor.h"

namespace bulkhead::hostd {
namespace {

int Complain(const std::string& sentence) {
  std::fprintf(stderr, "bulkhead-hostd: %s\n", sentence.c_str());
  return 1;
}

std::string FromEnvironment(const char* name, const std::string& otherwise) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : otherwise;
}

int Main(int argc, char**) {
  if (argc != 1) {
    Complain("usage: bulkhead-hostd (started by bulkhead-superd or systemd; it has no options)");
    return 2;
  }
  // libvirt's socket makes this process worth attacking: no debugger, no core, no new privilege.
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  ::umask(077);
  Paths paths = Paths::FromEnvironment();
  // A file size limit must come back as an error, not end the process.
  std::signal(SIGXFSZ, SIG_IGN);
  auto hypervisor = std::make_unique<LibvirtHypervisor>(
      FromEnvironment("BULKHEAD_LIBVIRT_URI", "qemu:///system"));
  auto bus = FromEnvironment("BULKHEAD_BUS_ADDRESS", "unix:path=" + paths.BusSocket());
  auto daemon = Daemon::Create(paths, std::move(hypervisor), bus);
  if (!daemon) return Complain(daemon.error().message);
  GMainLoop* loop = g_main_loop_new(nullptr, FALSE);
  auto quit = [](gpointer l) -> gboolean {
    g_main_loop_quit(static_cast<GMainLoop*>(l));
    return G_SOURCE_REMOVE;
  };
  g_unix_signal_add(SIGTERM, quit, loop);
  g_unix_signal_add(SIGINT, quit, loop);
  g_main_loop_run(loop);
  // Every state that matters is durable already, and a worker may wait for a daemon that is being
  // stopped too: there is nothing to gain by waiting for it.
  std::fflush(nullptr);
  ::_exit(0);
}

}  // namespace
}  // namespace bulkhead::hostd

int main(int argc, char** argv) { return bulkhead::hostd::Main(argc, argv); }
