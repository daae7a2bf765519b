// SPDX-License-Identifier: GPL-2.0-or-later
/// bulkhead-agent: the guest's end of a level's channels. Without arguments the service itself; the
/// other forms are its workers, which it starts from its own file.
#include <sys/signalfd.h>

#include <csignal>
#include <cstdio>

#include "guest-images/agent/agent.h"
#include "guest-images/agent/linux_guest.h"
#include "guest-images/agent/receiver.h"
#include "guest-images/agent/run_table.h"
#include "guest-images/agent/sender.h"

namespace bulkhead::agent {
namespace {

constexpr char kProgram[] = "/usr/lib/bulkhead/bulkhead-agent";

/// A port says by SIGIO that its host's side changed (ControlLink).
int WatchSigIo() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGIO);
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
  return ::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

int Serve() {
  ::signal(SIGPIPE, SIG_IGN);
  int sigio_fd = WatchSigIo();
  LinuxGuest guest;
  AgentConfig config;
  config.program = kProgram;
  auto agent = Agent::Create(guest, std::move(config));
  if (!agent) {
    std::fprintf(stderr, "bulkhead-agent: %s\n", agent.error().message.c_str());
    return 1;
  }
  for (;;) {
    (*agent)->RunOnce(std::chrono::seconds(60), sigio_fd);
    for (const auto& news : (*agent)->TakeNews()) {
      std::fprintf(stderr, "bulkhead-agent: %s\n", news.c_str());
    }
  }
}

int Main(int argc, char** argv) {
  std::string_view job = argc > 1 ? argv[1] : "";
  if (job.empty()) return Serve();
  if (job == "launch") return Launch(argc, argv);
  if (job == "receive") return ReceiveMain(argc, argv);
  if (job == "send") return SendMain(argc, argv);
  std::fprintf(stderr, "bulkhead-agent: a service of the level; it takes no arguments\n");
  return 2;
}

}  // namespace
}  // namespace bulkhead::agent

int main(int argc, char** argv) { return bulkhead::agent::Main(argc, argv); }
