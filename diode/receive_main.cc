// SPDX-License-Identifier: GPL-2.0-or-later
/// bulkhead-diode-receive: the receiving half of a flow.
#include <fcntl.h>

#include <algorithm>
#include <cstdio>

#include "diode/confinement.h"
#include "diode/receive_half.h"
#include "diode/receive_syscalls.h"
#include "vmspec/base/paths.h"

namespace bulkhead::diode {
namespace {

/// As much as an unprivileged process may have: fewer turns for large files.
constexpr int kPipeBytes = 1 << 20;
constexpr std::size_t kLeastSeen = 4096;

void Say(const std::string& sentence) {
  std::fprintf(stderr, "bulkhead-diode-receive: %s\n", sentence.c_str());
}

Status Serve(const HalfArgs& args) {
  Paths paths = Paths::FromEnvironment();
  std::string spool_path = paths.FlowSpool(args.flow, "receive");
  auto fds = OpenFixedFds(paths.ChannelSocket(args.level, "in." + args.flow), paths.ReportSocket(),
                          paths.FlowPipe(args.flow), spool_path);
  if (!fds) return Propagate(fds);
  auto spool = Spool::Open(kSpoolFd, {args.quota_bytes, args.max_files});
  if (!spool) return Propagate(spool, "spool " + spool_path);
  // The sending half repeats at most what its spool holds.
  auto seen = SeenIds::Open(kSpoolFd, std::max<std::size_t>(kLeastSeen, 2 * args.max_files));
  if (!seen) return Propagate(seen, "spool " + spool_path);
  if (auto s = OpenPipe(O_RDONLY); !s) return s;
  (void)::fcntl(kPipeFd, F_SETPIPE_SZ, kPipeBytes);
  ReceiveHalf half(args, *fds, std::move(*spool), std::move(*seen));
  const PathRule reachable[] = {{spool_path, PathRule::Access::kReadWrite}};
  if (auto s = Confine(*fds, reachable, kReceiveHalfSyscalls, Say); !s) return s;
  for (;;) {
    if (auto s = half.RunOnce(std::chrono::seconds(60)); !s) return s;
    for (const auto& news : half.TakeNews()) Say(news);
  }
}

int Main(int argc, char** argv) {
  PrepareProcess();
  auto args = ParseHalfArgs(argc, argv, "--from");
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
