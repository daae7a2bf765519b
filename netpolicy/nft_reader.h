// SPDX-License-Identifier: GPL-2.0-or-later
/// What stands in the kernel's tables, read back: never remembered.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "netpolicy/netlink_socket.h"
#include "netpolicy/nft_objects.h"
#include "netpolicy/ruleset_sink.h"

namespace bulkhead::netpolicy {

struct ReadRule {
  bool tagged = false;
  RuleTag tag;
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;
};
/// Rules by chain, in their order.
using ReadChains = std::map<std::string, std::vector<ReadRule>>;

/// The rules are those of one program of ours, from the first to the last.
bool IsComplete(const std::vector<ReadRule>& rules);
/// ... and that program is the one with this digest.
bool IsComplete(const std::vector<ReadRule>& rules, const std::array<std::uint8_t, 16>& digest);

/// Each call is one request; kConflict when the tables changed under it. `socket` is borrowed.
class NftReader {
 public:
  NftReader(NetlinkSocket& socket, NetlinkSocket::Clock::time_point until)
      : socket_(socket), until_(until) {}

  Result<Generation> ReadGeneration();
  /// The table is there and not dormant.
  Result<bool> HasTable(Family family);
  /// All chains of the table, or only `chain`; nothing for what is not there.
  Result<ReadChains> ReadRules(Family family, const std::string& chain = "");
  /// Names of all our chains, and the device that each hangs on ("" for most).
  Result<std::map<std::string, std::string>> ReadChainDevices(Family family);
  /// Whether the one chain is there, and its device.
  Result<std::optional<std::string>> ReadChainDevice(Family family, const std::string& chain);
  /// All elements; nothing when the map is not there.
  Result<std::vector<Element>> ReadElements(const std::string& map);
  Result<std::optional<Element>> ReadElement(const std::string& map, const std::string& interface);

 private:
  nlmsghdr* Start(std::uint16_t type, std::uint16_t flags, std::uint16_t protocol);
  Status Ask(const NetlinkSocket::OnMessage& each);

  NetlinkSocket& socket_;
  NetlinkSocket::Clock::time_point until_;
  NetlinkMessage message_;
};

}  // namespace bulkhead::netpolicy
