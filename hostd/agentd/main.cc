// SPDX-License-Identifier: GPL-2.0-or-later
/// bulkhead-agentd --level L: reads what the level's agent says, so that hostd need not.
#include <cstdio>
#include <string>
#include <string_view>

#include "hostd/agentd/relay.h"
#include "vmspec/base/confine.h"
#include "vmspec/base/paths.h"

namespace bulkhead::agentd {
namespace {

/// Beside CommonSyscalls(). No open: two sockets, found by path, are all it ever has.
constexpr SyscallRule kSyscalls[] = {
    {"socket", SyscallRule::Arg{0, 1}},  // AF_UNIX: to QEMU's port and to hostd
    {"connect"},
    {"sendto"},                         // send() on either socket
    {"recvfrom"},                       // recv() on either socket
    {"write", SyscallRule::Arg{0, 2}},  // its log
};

void Say(const std::string& sentence) {
  std::fprintf(stderr, "bulkhead-agentd: %s\n", sentence.c_str());
}

/// Landlock with no path at all: nothing can be opened, even if the filter below had a hole.
Status Confine() {
  if (auto s = ApplyLandlock({}); !s) {
    if (s.error().code != ErrorCode::kUnavailable) return s;
    Say(s.error().message + "; the system call filter alone keeps files away");
  }
  return ApplySeccomp(CommonSyscalls(), kSyscalls);
}

bool IsLevelName(std::string_view name) {
  auto lower = [](char c) { return c >= 'a' && c <= 'z'; };
  if (name.empty() || name.size() > 31 || !lower(name[0])) return false;
  for (char c : name) {
    if (!lower(c) && !(c >= '0' && c <= '9') && c != '-') return false;
  }
  return true;
}

int Main(int argc, char** argv) {
  if (argc != 3 || std::string_view(argv[1]) != "--level" || !IsLevelName(argv[2])) {
    Say("usage: bulkhead-agentd --level LEVEL");
    return 2;
  }
  Paths paths = Paths::FromEnvironment();
  Relay relay(paths.ChannelSocket(argv[2], "control"), paths.ReportSocket());
  if (auto s = Confine(); !s) {
    Say(s.error().message);
    return 1;
  }
  std::string said;
  for (;;) {
    relay.RunOnce(std::chrono::seconds(60));
    for (const auto& news : relay.TakeNews()) {
      // What happens over and over is said once.
      if (news != said) Say(news);
      said = news;
    }
  }
}

}  // namespace
}  // namespace bulkhead::agentd

int main(int argc, char** argv) { return bulkhead::agentd::Main(argc, argv); }
