// SPDX-License-Identifier: GPL-2.0-or-later
#include "netpolicy/kernel_events.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <array>

namespace bulkhead::netpolicy {

namespace {

Result<UniqueFd> Subscribe(int protocol, int group) {
  UniqueFd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol));
  if (!fd) return FailErrno("netlink socket");
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    return FailErrno("bind netlink socket");
  }
  if (::setsockopt(fd.get(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) != 0) {
    return FailErrno("subscribe to netlink group");
  }
  return fd;
}

/// The generation that a NEWGEN event names; 0, which is none, in other messages. Not the process
/// it names too: that number is the machine's, not that of our process namespace.
Generation GenerationOf(const nlmsghdr* message) {
  if (message->nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWGEN)) return 0;
  Generation out = 0;
  auto each = [](const nlattr* a, void* data) {
    if (mnl_attr_get_type(a) == NFTA_GEN_ID) {
      *static_cast<Generation*>(data) = ntohl(mnl_attr_get_u32(a));
    }
    return MNL_CB_OK;
  };
  mnl_attr_parse(message, sizeof(nfgenmsg), each, &out);
  return out;
}

}  // namespace

Result<KernelEvents> KernelEvents::Open() {
  auto rules = Subscribe(NETLINK_NETFILTER, NFNLGRP_NFTABLES);
  if (!rules) return Propagate(rules);
  auto links = Subscribe(NETLINK_ROUTE, RTNLGRP_LINK);
  if (!links) return Propagate(links);
  KernelEvents out;
  out.rules_ = std::move(*rules);
  out.links_ = std::move(*links);
  return out;
}

KernelEvents::RuleChanges KernelEvents::DrainRules() {
  RuleChanges out;
  alignas(nlmsghdr) std::array<char, 32768> buffer;
  for (;;) {
    ssize_t n = ::recv(rules_.get(), buffer.data(), buffer.size(), 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == ENOBUFS) {
      out.lost = true;
      continue;
    }
    if (n <= 0) return out;
    int left = static_cast<int>(n);
    for (auto* m = reinterpret_cast<const nlmsghdr*>(buffer.data()); mnl_nlmsg_ok(m, left);
         m = mnl_nlmsg_next(m, &left)) {
      if (Generation made = GenerationOf(m); made != 0) out.generations.push_back(made);
    }
  }
}

void KernelEvents::DrainLinks() {
  std::array<char, 32768> buffer;
  for (;;) {
    ssize_t n = ::recv(links_.get(), buffer.data(), buffer.size(), 0);
    if (n == 0 || (n < 0 && errno != EINTR && errno != ENOBUFS)) return;
  }
}

}  // namespace bulkhead::netpolicy
