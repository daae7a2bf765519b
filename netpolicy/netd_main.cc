// SPDX-License-Identifier: GPL-2.0-or-later
/// bulkhead-netd: no arguments. Runs as uid kUidNetd with CAP_NET_ADMIN only.
#include <poll.h>

#include <array>
#include <cstdio>

#include "netpolicy/kernel_events.h"
#include "netpolicy/netd_confine.h"
#include "netpolicy/netd_server.h"
#include "netpolicy/nft_sink.h"
#include "vmspec/base/paths.h"
#include "vmspec/base/sanitize.h"
#include "vmspec/base/socket.h"

namespace bulkhead::netpolicy {
namespace {

void Log(const std::string& sentence) {
  std::fprintf(stderr, "bulkhead-netd: %s\n", Printable(sentence, 512).c_str());
}

void LogFailure(const Status& status) {
  if (!status) Log(status.error().message);
}

Result<LevelNetworks> OpenNetworks() {
  auto sink = NftSink::Open();
  if (!sink) return Propagate(sink);
  auto links = Links::Open();
  if (!links) return Propagate(links);
  auto conntrack = Conntrack::Open();
  if (!conntrack) return Propagate(conntrack);
  return LevelNetworks(std::make_unique<NftSink>(std::move(*sink)), std::move(*links),
                       std::move(*conntrack));
}

/// A firewall reload or `nft flush ruleset` by somebody else must not leave a level in the open.
void IsolateUnprotected(LevelNetworks& networks) {
  auto down = networks.IsolateUnprotected();
  if (!down) return Log(down.error().message);
  for (const std::string& tap : *down) {
    Log("somebody removed the packet rules of " + tap +
        ": it is down until its policy is applied again");
  }
}

/// What we committed ourselves needs no second look: it reads every level's rules.
void LookAfter(const KernelEvents::RuleChanges& changes, LevelNetworks& networks) {
  bool foreign = networks.WasSomebodyElse(changes.generations);
  if (foreign || changes.lost) IsolateUnprotected(networks);
}

void TakeConnection(int listen_fd, LevelNetworks& networks) {
  auto client = AcceptUnix(listen_fd);
  if (!client) return Log(client.error().message);
  if (*client) LogFailure(ServeConnection(networks, std::move(*client)));
}

Status Run() {
  auto listen = ListenUnix(Paths::FromEnvironment().NetdSocket(), 0666);
  if (!listen) return Propagate(listen);
  auto events = KernelEvents::Open();
  if (!events) return Propagate(events);
  auto networks = OpenNetworks();
  if (!networks) return Propagate(networks);
  if (Status confined = ConfineNetd(); !confined) return confined;

  IsolateUnprotected(*networks);
  LogFailure(networks->RefreshUplinks());
  std::array<pollfd, 3> waits = {pollfd{listen->get(), POLLIN, 0},
                                 pollfd{events->rules_fd(), POLLIN, 0},
                                 pollfd{events->links_fd(), POLLIN, 0}};
  for (;;) {
    if (::poll(waits.data(), waits.size(), -1) < 0 && errno != EINTR) return FailErrno("poll");
    if (waits[1].revents != 0) LookAfter(events->DrainRules(), *networks);
    if (waits[2].revents != 0) {
      events->DrainLinks();
      LogFailure(networks->RefreshUplinks());
    }
    if (waits[0].revents != 0) TakeConnection(listen->get(), *networks);
  }
}

}  // namespace
}  // namespace bulkhead::netpolicy

int main(int argc, char**) {
  if (argc != 1) {
    std::fputs("bulkhead-netd: takes no arguments\n", stderr);
    return 2;
  }
  auto status = bulkhead::netpolicy::Run();
  std::fprintf(stderr, "bulkhead-netd: %s\n",
               bulkhead::Printable(status.error().message, 512).c_str());
  return 1;
}
