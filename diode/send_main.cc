// SPDX-License-Identifier: GPL-2.0-or-later
/// bulkhead-diode-send: the sending half of a flow.
#include <cstdio>

#include "diode/confinement.h"
#include "diode/send_half.h"
#include "diode/send_syscalls.h"
#include "vmspec/base/paths.h"

namespace bulkhead::diode {
namespace {

void Say(const std::string& sentence) {
  std::fprintf(stderr, "bulkhead-diode-send: %s\n", sentence.c_str());
}

Status Serve(const HalfArgs& args) {
  Paths paths = Paths::FromEnvironment();
  std::string spool_path = paths.FlowSpool(args.flow, "send");
  auto fds = OpenFixedFds(paths.ChannelSocket(args.level, "out." + args.flow), paths.ReportSocket(),
                          paths.FlowPipe(args.flow), spool_path);
  if (!fds) return Propagate(fds);
  auto spool = Spool::Open(kSpoolFd, {args.quota_bytes, args.max_files});
  if (!spool) return Propagate(spool, "spool " + spool_path);
  SendHalf half(args, *fds, std::move(*spool));
  const PathRule reachable[] = {{spool_path, PathRule::Access::kReadWrite},
                                {paths.FlowPipe(args.flow), PathRule::Access::kReadWrite}};
  if (auto s = Confine(*fds, reachable, kSendHalfSyscalls, Say); !s) return s;
  for (;;) {
    if (auto s = half.RunOnce(std::chrono::seconds(60)); !s) return s;
    for (const auto& news : half.TakeNews()) Say(news);
  }
}

int Main(int argc, char** argv) {
  PrepareProcess();
  auto args = ParseHalfArgs(argc, argv, "--to");
  if (!args) {
    Say(args.error().message);
    return 2;
  }
  Say(Serve(*args).error().message);
  return 1;
}

}  // namespace
}  // namespace bulkhead::diode

int main(int argc, char** argv) { return bulkhead::diode::Main(argc, argv); }
