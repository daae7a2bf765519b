// SPDX-License-Identifier: GPL-2.0-or-later
/// bulkhead-libvirt-relay SOCKET: lets hostd, which has no line in /etc/passwd and so no polkit
/// identity, talk to a libvirtd that somebody else runs. Descriptor 3 is the listening socket. Runs
/// as uid 0 without any capability; hands bytes and descriptors through and reads neither.
#include <fcntl.h>
#include <poll.h>

#include <cstdio>
#include <list>
#include <string>
#include <vector>

#include "hostd/super/relay_pair.h"
#include "vmspec/base/confine.h"
#include "vmspec/base/identity.h"
#include "vmspec/base/socket.h"

namespace bulkhead::super {
namespace {

constexpr int kListener = 3;
constexpr std::size_t kMaxPairs = 16;

/// Beside CommonSyscalls(). No open: what it needs, it has or finds by a socket's path.
constexpr SyscallRule kSyscalls[] = {
    {"accept4"},
    {"getsockopt"},                      // SO_PEERCRED
    {"socket", SyscallRule::Arg{0, 1}},  // AF_UNIX: to libvirt
    {"connect"},
    {"recvmsg"},
    {"sendmsg"},
    {"write", SyscallRule::Arg{0, 2}},  // its log
};

void Say(const std::string& sentence) {
  std::fprintf(stderr, "bulkhead-libvirt-relay: %s\n", sentence.c_str());
}

class LibvirtRelay {
 public:
  explicit LibvirtRelay(std::string target) : target_(std::move(target)) {}

  void RunOnce() {
    std::vector<pollfd> fds{
        {kListener, static_cast<short>(pairs_.size() < kMaxPairs ? POLLIN : 0), 0}};
    for (const auto& p : pairs_) {
      fds.push_back({p.client.get(), Events(p.up, p.down), 0});
      fds.push_back({p.libvirt.get(), Events(p.down, p.up), 0});
    }
    if (::poll(fds.data(), fds.size(), -1) < 0) return;
    std::size_t at = 1;
    for (auto it = pairs_.begin(); it != pairs_.end(); at += 2) {
      it = Serve(*it, fds[at].revents, fds[at + 1].revents) ? std::next(it) : pairs_.erase(it);
    }
    if (fds[0].revents != 0) Accept();
  }

 private:
  static short Events(const RelayLane& from_here, const RelayLane& to_here) {
    return static_cast<short>((from_here.WantsInput() ? POLLIN : 0) |
                              (to_here.WantsOutput() ? POLLOUT : 0));
  }

  /// False when the pair is over.
  static bool Serve(RelayPair& p, short client, short libvirt) {
    constexpr short kInput = POLLIN | POLLHUP | POLLERR;
    if ((client & kInput) != 0 && p.up.WantsInput() && !p.up.Read(p.client.get())) return false;
    if ((libvirt & kInput) != 0 && p.down.WantsInput() && !p.down.Read(p.libvirt.get()))
      return false;
    if (p.up.WantsOutput() && !p.up.Write(p.libvirt.get())) return false;
    if (p.down.WantsOutput() && !p.down.Write(p.client.get())) return false;
    // A side that is gone makes poll() return at once for ever.
    return !((client & (POLLHUP | POLLERR)) != 0 && !p.up.WantsInput()) &&
           !((libvirt & (POLLHUP | POLLERR)) != 0 && !p.down.WantsInput());
  }

  void Accept() {
    auto client = AcceptUnix(kListener);
    if (!client || !*client) return;
    auto peer = PeerOf(client->get());
    if (!peer || (peer->uid != 0 && peer->uid != kUidHostd)) return Say("refused a stranger");
    auto libvirt = ConnectUnixNow(target_);
    if (!libvirt) return Say(libvirt.error().message);
    auto& pair = pairs_.emplace_back();
    pair.client = std::move(*client);
    pair.libvirt = std::move(*libvirt);
  }

  std::string target_;
  std::list<RelayPair> pairs_;
};

int Main(int argc, char** argv) {
  if (argc != 2 || argv[1][0] != '/' || ::fcntl(kListener, F_GETFD) < 0) {
    Say("it is started by bulkhead-superd only");
    return 2;
  }
  LibvirtRelay relay(argv[1]);
  auto confined = ApplyLandlock({});
  if (confined || confined.error().code == ErrorCode::kUnavailable) {
    confined = ApplySeccomp(CommonSyscalls(), kSyscalls);
  }
  if (!confined) {
    Say(confined.error().message);
    return 1;
  }
  for (;;) relay.RunOnce();
}

}  // namespace
}  // namespace bulkhead::super

int main(int argc, char** argv) { return bulkhead::super::Main(argc, argv); }
