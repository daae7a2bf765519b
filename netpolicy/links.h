// SPDX-License-Identifier: GPL-2.0-or-later
/// Network interfaces and their addresses by rtnetlink. What is here is read from the kernel each
/// time.
#pragma once

#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "netpolicy/netlink_socket.h"
#include "netpolicy/policy.h"

namespace bulkhead::netpolicy {

struct LinkState {
  int index = 0;
  std::string name;
  std::string alias;
  bool up = false;
  MacAddress mac{};
  // Of a tap; meaningless for other kinds.
  bool tap = false;
  uid_t owner = 0;
  gid_t group = 0;
  bool vnet_header = false;
  bool multi_queue = false;
};

/// An address and the length of its prefix. IPv4 in the first four bytes.
struct HostAddress {
  bool v6 = false;
  std::array<std::uint8_t, 16> address{};
  std::uint8_t length = 0;
  friend bool operator==(const HostAddress&, const HostAddress&) = default;
};

/// Errors as the kernel gives them; each call has 5 s. Needs CAP_NET_ADMIN for all but Find*.
class Links {
 public:
  static Result<Links> Open();

  Result<std::optional<LinkState>> Find(const std::string& name);
  Result<std::vector<LinkState>> FindAll();
  Status SetMac(int index, const MacAddress& mac);
  Status SetAlias(int index, const std::string& alias);
  Status SetUp(int index, bool up);
  /// Nothing there is no error.
  Status Delete(int index);

  /// Makes these the only addresses of the link, besides IPv6 link-local ones.
  Status SetAddresses(int index, const std::vector<HostAddress>& wanted);

 private:
  explicit Links(NetlinkSocket socket) : socket_(std::move(socket)) {}
  Result<std::vector<HostAddress>> ReadAddresses(int index);
  Status ChangeAddress(std::uint16_t type, std::uint16_t flags, int index, const HostAddress& a);
  Status Ask(const NetlinkSocket::OnMessage& each = {});

  NetlinkSocket socket_;
  NetlinkMessage message_;
};

}  // namespace bulkhead::netpolicy
