// SPDX-License-Identifier: GPL-2.0-or-later
#include "netpolicy/conntrack.h"

#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include <algorithm>
#include <cstring>

#include "netpolicy/allows.h"

namespace bulkhead::netpolicy {

namespace {

constexpr std::chrono::seconds kDeadline{5};

nlmsghdr* Start(NetlinkMessage& message, std::uint16_t type, std::uint16_t flags, int family) {
  nlmsghdr* header =
      message.Start(static_cast<std::uint16_t>(NFNL_SUBSYS_CTNETLINK << 8 | type), flags);
  auto* nfg = static_cast<nfgenmsg*>(mnl_nlmsg_put_extra_header(header, sizeof(nfgenmsg)));
  nfg->nfgen_family = static_cast<std::uint8_t>(family);
  nfg->version = NFNETLINK_V0;
  return header;
}

const nlattr* Nested(const nlattr* nest, std::uint16_t type) {
  const char* end =
      static_cast<const char*>(mnl_attr_get_payload(nest)) + mnl_attr_get_payload_len(nest);
  for (auto* a = static_cast<const nlattr*>(mnl_attr_get_payload(nest));
       mnl_attr_ok(a, static_cast<int>(end - reinterpret_cast<const char*>(a)));
       a = mnl_attr_next(a)) {
    if (mnl_attr_get_type(a) == type) return a;
  }
  return nullptr;
}

template <typename T>
T NumberOf(const nlattr* nest, std::uint16_t type) {
  const nlattr* a = Nested(nest, type);
  T out = 0;
  if (a != nullptr && mnl_attr_get_payload_len(a) == sizeof out) {
    std::memcpy(&out, mnl_attr_get_payload(a), sizeof out);
  }
  return out;
}

void CopyAddress(const nlattr* nest, std::uint16_t type, std::array<std::uint8_t, 16>& out) {
  const nlattr* a = Nested(nest, type);
  if (a == nullptr) return;
  std::size_t size = std::min<std::size_t>(mnl_attr_get_payload_len(a), out.size());
  std::memcpy(out.data(), mnl_attr_get_payload(a), size);
}

Connection ConnectionOf(const nlattr* tuple, bool v6) {
  Connection out;
  out.v6 = v6;
  if (const nlattr* ip = Nested(tuple, CTA_TUPLE_IP)) {
    CopyAddress(ip, v6 ? CTA_IP_V6_SRC : CTA_IP_V4_SRC, out.source);
    CopyAddress(ip, v6 ? CTA_IP_V6_DST : CTA_IP_V4_DST, out.destination);
  }
  if (const nlattr* proto = Nested(tuple, CTA_TUPLE_PROTO)) {
    out.transport = NumberOf<std::uint8_t>(proto, CTA_PROTO_NUM);
    out.port = ntohs(NumberOf<std::uint16_t>(proto, CTA_PROTO_DST_PORT));
    out.icmp_type = NumberOf<std::uint8_t>(proto, v6 ? CTA_PROTO_ICMPV6_TYPE : CTA_PROTO_ICMP_TYPE);
  }
  return out;
}

const nlattr* OriginalTuple(const nlmsghdr* message) {
  const nlattr* out = nullptr;
  auto each = [](const nlattr* a, void* data) {
    if (mnl_attr_get_type(a) == CTA_TUPLE_ORIG) *static_cast<const nlattr**>(data) = a;
    return MNL_CB_OK;
  };
  mnl_attr_parse(message, sizeof(nfgenmsg), each, static_cast<void*>(&out));
  return out;
}

bool IsIp6(const nlmsghdr* message) {
  auto* nfg = static_cast<const nfgenmsg*>(mnl_nlmsg_get_payload(message));
  return nfg->nfgen_family == AF_INET6;
}

std::array<std::uint8_t, 16> GuestOf(const LevelLink& link, bool v6) {
  std::array<std::uint8_t, 16> out{};
  if (v6) return link.guest6;
  std::copy(link.guest4.begin(), link.guest4.end(), out.begin());
  return out;
}

}  // namespace

Result<Conntrack> Conntrack::Open() {
  auto socket = NetlinkSocket::Open(NETLINK_NETFILTER);
  if (!socket) return Propagate(socket);
  return Conntrack(std::move(*socket));
}

// Both families in one dump: each walks the kernel's whole table, tens of milliseconds with many
// buckets, however few connections there are.
Result<std::vector<Conntrack::Tracked>> Conntrack::FindForbidden(const LevelPolicy& policy) {
  std::vector<Tracked> out;
  Start(message_, IPCTNL_MSG_CT_GET, NLM_F_DUMP, AF_UNSPEC);
  Status status =
      socket_.Request(message_, NetlinkSocket::Clock::now() + kDeadline, [&](const nlmsghdr* m) {
        const nlattr* tuple = OriginalTuple(m);
        if (tuple == nullptr) return;
        bool v6 = IsIp6(m);
        Connection c = ConnectionOf(tuple, v6);
        if (c.source != GuestOf(policy.link, v6) || Allows(policy, c)) return;
        auto* bytes = static_cast<const std::uint8_t*>(mnl_attr_get_payload(tuple));
        out.push_back({v6, Bytes(bytes, bytes + mnl_attr_get_payload_len(tuple))});
      });
  if (!status) return Propagate(status, "list tracked connections");
  return out;
}

Status Conntrack::Forget(const Tracked& connection) {
  const Bytes& tuple = connection.tuple;
  nlmsghdr* header = Start(message_, IPCTNL_MSG_CT_DELETE, 0, connection.v6 ? AF_INET6 : AF_INET);
  mnl_attr_put(header, CTA_TUPLE_ORIG | NLA_F_NESTED, tuple.size(), tuple.data());
  Status status = socket_.Request(message_, NetlinkSocket::Clock::now() + kDeadline);
  // It ended by itself meanwhile.
  if (!status && status.error().sys_errno == ENOENT) return {};
  return status;
}

Result<std::size_t> Conntrack::EndForbidden(const LevelPolicy& policy) {
  auto found = FindForbidden(policy);
  if (!found) return Propagate(found);
  for (const Tracked& connection : *found) {
    if (Status gone = Forget(connection); !gone) return Propagate(gone, "end a connection");
  }
  return found->size();
}

}  // namespace bulkhead::netpolicy
