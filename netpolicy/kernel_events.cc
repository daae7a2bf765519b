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

/// The process that committed, as a NEWGEN event names it; -1 in other messages.
long CommitterOf(const nlmsghdr* message) {
  if (message->nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWGEN)) return -1;
  long out = 0;
  auto each = [](const nlattr* a, void* data) {
    if (mnl_attr_get_type(a) == NFTA_GEN_PROC_PID) {
      *static_cast<long*>(data) = static_cast<long>(ntohl(mnl_attr_get_u32(a)));
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

bool KernelEvents::DrainRules() {
  bool foreign = false;
  alignas(nlmsghdr) std::array<char, 32768> buffer;
  for (;;) {
    ssize_t n = ::recv(rules_.get(), buffer.data(), buffer.size(), 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == ENOBUFS) {
      foreign = true;
      continue;
    }
    if (n <= 0) return foreign;
    int left = static_cast<int>(n);
    for (auto* m = reinterpret_cast<const nlmsghdr*>(buffer.data()); mnl_nlmsg_ok(m, left);
         m = mnl_nlmsg_next(m, &left)) {
      long committer = CommitterOf(m);
      if (committer >= 0 && committer != ::getpid()) foreign = true;
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
