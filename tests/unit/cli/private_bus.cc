// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/cli/private_bus.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>

#include "vmspec/base/process_spec.h"

namespace bulkhead::cli {

PrivateBus::PrivateBus() {
  std::string pattern = "/tmp/bulkhead-bus-XXXXXX";
  if (::mkdtemp(pattern.data()) == nullptr) return;
  folder_ = pattern;
  std::string address = "unix:path=" + folder_ + "/socket";
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return;
  UniqueFd read_end(ends[0]);
  UniqueFd write_end(ends[1]);
  ProcessSpec spec;
  spec.argv = {"/usr/bin/dbus-daemon", "--session",        "--nofork", "--nosyslog",
               "--address=" + address, "--print-address=3"};
  spec.run_as = RunAs::Unchanged();
  spec.fds = {{write_end.get(), 3}};
  auto child = Spawn(spec);
  write_end.reset();
  if (!child) return;
  pid_ = child->pid;
  char line[256];
  if (::read(read_end.get(), line, sizeof line) > 0) address_ = address;
}

PrivateBus::~PrivateBus() {
  if (pid_ > 0) {
    ::kill(pid_, SIGTERM);
    ::waitpid(pid_, nullptr, 0);
  }
  std::error_code ignored;
  if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
}

}  // namespace bulkhead::cli
