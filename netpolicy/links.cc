// SPDX-License-Identifier: GPL-2.0-or-later
#include "netpolicy/links.h"

#include <arpa/inet.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <algorithm>
#include <cstring>

namespace bulkhead::netpolicy {

namespace {

constexpr std::chrono::seconds kDeadline{5};
// IFLA_TUN_TYPE; IFF_TAP of <linux/if_tun.h>, which does not mix with <net/if.h>.
constexpr std::uint8_t kTunTypeTap = 2;

/// Calls `each` for every attribute in a nest.
template <typename Each>
void ForNested(const nlattr* nest, Each each) {
  for (auto* a = static_cast<const nlattr*>(mnl_attr_get_payload(nest)); mnl_attr_ok(
           a, static_cast<int>(static_cast<const char*>(mnl_attr_get_payload(nest)) +
                               mnl_attr_get_payload_len(nest) - reinterpret_cast<const char*>(a)));
       a = mnl_attr_next(a)) {
    each(a);
  }
}

template <typename Each>
void ForAttributes(const nlmsghdr* message, std::size_t offset, Each each) {
  auto call = [](const nlattr* a, void* data) {
    (*static_cast<Each*>(data))(a);
    return MNL_CB_OK;
  };
  mnl_attr_parse(message, static_cast<unsigned>(offset), call, &each);
}

std::string TextOf(const nlattr* a) {
  auto* text = static_cast<const char*>(mnl_attr_get_payload(a));
  return {text, strnlen(text, mnl_attr_get_payload_len(a))};
}

void TakeTunData(const nlattr* data, LinkState& out) {
  ForNested(data, [&](const nlattr* a) {
    switch (mnl_attr_get_type(a)) {
      case IFLA_TUN_OWNER:
        out.owner = mnl_attr_get_u32(a);
        break;
      case IFLA_TUN_GROUP:
        out.group = mnl_attr_get_u32(a);
        break;
      case IFLA_TUN_TYPE:
        out.tap = mnl_attr_get_u8(a) == kTunTypeTap;
        break;
      case IFLA_TUN_VNET_HDR:
        out.vnet_header = mnl_attr_get_u8(a) != 0;
        break;
      case IFLA_TUN_MULTI_QUEUE:
        out.multi_queue = mnl_attr_get_u8(a) != 0;
        break;
      default:
        break;
    }
  });
}

void TakeInfo(const nlattr* info, LinkState& out) {
  bool tun = false;
  ForNested(info, [&](const nlattr* a) {
    if (mnl_attr_get_type(a) == IFLA_INFO_KIND) tun = TextOf(a) == "tun";
    if (mnl_attr_get_type(a) == IFLA_INFO_DATA && tun) TakeTunData(a, out);
  });
}

LinkState TakeLink(const nlmsghdr* message) {
  auto* info = static_cast<const ifinfomsg*>(mnl_nlmsg_get_payload(message));
  LinkState out;
  out.index = info->ifi_index;
  out.up = (info->ifi_flags & IFF_UP) != 0;
  ForAttributes(message, sizeof *info, [&](const nlattr* a) {
    switch (mnl_attr_get_type(a)) {
      case IFLA_IFNAME:
        out.name = TextOf(a);
        break;
      case IFLA_IFALIAS:
        out.alias = TextOf(a);
        break;
      case IFLA_ADDRESS:
        if (mnl_attr_get_payload_len(a) == out.mac.size()) {
          std::memcpy(out.mac.data(), mnl_attr_get_payload(a), out.mac.size());
        }
        break;
      case IFLA_LINKINFO:
        TakeInfo(a, out);
        break;
      default:
        break;
    }
  });
  return out;
}

ifinfomsg* StartLink(NetlinkMessage& message, std::uint16_t type, std::uint16_t flags, int index) {
  nlmsghdr* header = message.Start(type, flags);
  auto* info = static_cast<ifinfomsg*>(mnl_nlmsg_put_extra_header(header, sizeof(ifinfomsg)));
  info->ifi_family = AF_UNSPEC;
  info->ifi_index = index;
  return info;
}

std::optional<HostAddress> TakeAddress(const nlmsghdr* message, int index) {
  auto* info = static_cast<const ifaddrmsg*>(mnl_nlmsg_get_payload(message));
  if (static_cast<int>(info->ifa_index) != index) return std::nullopt;
  if (info->ifa_family != AF_INET && info->ifa_family != AF_INET6) return std::nullopt;
  HostAddress out;
  out.v6 = info->ifa_family == AF_INET6;
  out.length = info->ifa_prefixlen;
  std::size_t size = out.v6 ? 16 : 4;
  ForAttributes(message, sizeof *info, [&](const nlattr* a) {
    bool own = mnl_attr_get_type(a) == (out.v6 ? IFA_ADDRESS : IFA_LOCAL);
    if (own && mnl_attr_get_payload_len(a) == size) {
      std::memcpy(out.address.data(), mnl_attr_get_payload(a), size);
    }
  });
  return out;
}

bool IsLinkLocal6(const HostAddress& a) {
  return a.v6 && a.address[0] == 0xfe && (a.address[1] & 0xc0) == 0x80;
}

}  // namespace

Result<Links> Links::Open() {
  auto socket = NetlinkSocket::Open(NETLINK_ROUTE);
  if (!socket) return Propagate(socket);
  // So that the kernel lists the addresses of the one link it is asked for. Not on old kernels.
  int on = 1;
  (void)::setsockopt(socket->fd(), SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof on);
  return Links(std::move(*socket));
}

Status Links::Ask(const NetlinkSocket::OnMessage& each) {
  return socket_.Request(message_, NetlinkSocket::Clock::now() + kDeadline, each);
}

Result<std::optional<LinkState>> Links::Find(const std::string& name) {
  StartLink(message_, RTM_GETLINK, 0, 0);
  mnl_attr_put_strz(message_.header(), IFLA_IFNAME, name.c_str());
  std::optional<LinkState> out;
  Status status = Ask([&](const nlmsghdr* m) { out = TakeLink(m); });
  if (!status && status.error().sys_errno == ENODEV) return std::nullopt;
  if (!status) return Propagate(status, "look for interface " + name);
  return out;
}

Result<std::vector<LinkState>> Links::FindAll() {
  std::vector<LinkState> out;
  // A dump that others disturbed is made again.
  for (int attempt = 0;; ++attempt) {
    out.clear();
    StartLink(message_, RTM_GETLINK, NLM_F_DUMP, 0);
    Status status = Ask([&](const nlmsghdr* m) { out.push_back(TakeLink(m)); });
    if (status) return out;
    if (status.error().code != ErrorCode::kConflict || attempt == 10) {
      return Propagate(status, "list interfaces");
    }
  }
}

Status Links::SetMac(int index, const MacAddress& mac) {
  StartLink(message_, RTM_SETLINK, 0, index);
  mnl_attr_put(message_.header(), IFLA_ADDRESS, mac.size(), mac.data());
  return Ask();
}

Status Links::SetAlias(int index, const std::string& alias) {
  StartLink(message_, RTM_SETLINK, 0, index);
  mnl_attr_put(message_.header(), IFLA_IFALIAS, alias.size(), alias.data());
  return Ask();
}

Status Links::SetUp(int index, bool up) {
  ifinfomsg* info = StartLink(message_, RTM_NEWLINK, 0, index);
  info->ifi_change = IFF_UP;
  info->ifi_flags = up ? IFF_UP : 0;
  return Ask();
}

Status Links::Delete(int index) {
  StartLink(message_, RTM_DELLINK, 0, index);
  Status status = Ask();
  if (!status && status.error().sys_errno == ENODEV) return {};
  return status;
}

Result<std::vector<HostAddress>> Links::ReadAddresses(int index) {
  std::vector<HostAddress> out;
  for (int attempt = 0;; ++attempt) {
    out.clear();
    nlmsghdr* header = message_.Start(RTM_GETADDR, NLM_F_DUMP);
    auto* info = static_cast<ifaddrmsg*>(mnl_nlmsg_put_extra_header(header, sizeof(ifaddrmsg)));
    info->ifa_index = static_cast<unsigned>(index);
    Status status = Ask([&](const nlmsghdr* m) {
      if (auto address = TakeAddress(m, index)) out.push_back(*address);
    });
    if (status) return out;
    if (status.error().code != ErrorCode::kConflict || attempt == 10) {
      return Propagate(status, "list addresses");
    }
  }
}

Status Links::ChangeAddress(std::uint16_t type, std::uint16_t flags, int index,
                            const HostAddress& a) {
  nlmsghdr* header = message_.Start(type, flags);
  auto* info = static_cast<ifaddrmsg*>(mnl_nlmsg_put_extra_header(header, sizeof(ifaddrmsg)));
  info->ifa_family = a.v6 ? AF_INET6 : AF_INET;
  info->ifa_prefixlen = a.length;
  // Nobody else can have it: no time is lost with asking.
  info->ifa_flags = a.v6 ? IFA_F_NODAD : 0;
  info->ifa_index = static_cast<unsigned>(index);
  std::size_t size = a.v6 ? 16 : 4;
  mnl_attr_put(header, IFA_LOCAL, size, a.address.data());
  mnl_attr_put(header, IFA_ADDRESS, size, a.address.data());
  return Ask();
}

Status Links::SetAddresses(int index, const std::vector<HostAddress>& wanted) {
  auto there = ReadAddresses(index);
  if (!there) return Propagate(there);
  for (const HostAddress& a : wanted) {
    if (std::ranges::find(*there, a) != there->end()) continue;
    Status added = ChangeAddress(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, index, a);
    if (!added) return added;
  }
  for (const HostAddress& a : *there) {
    if (IsLinkLocal6(a) || std::ranges::find(wanted, a) != wanted.end()) continue;
    if (Status removed = ChangeAddress(RTM_DELADDR, 0, index, a); !removed) return removed;
  }
  return {};
}

}  // namespace bulkhead::netpolicy
