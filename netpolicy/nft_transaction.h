// SPDX-License-Identifier: GPL-2.0-or-later
/// One change of the kernel's ruleset: all of it or nothing, and only if nobody wrote since.
#pragma once

#include <map>
#include <string>

#include "netpolicy/netlink_socket.h"
#include "netpolicy/ruleset_sink.h"

namespace bulkhead::netpolicy {

/// Collects messages; Commit() sends them as one batch. `socket` is borrowed from the caller.
class NftTransaction {
 public:
  NftTransaction(NetlinkSocket& socket, Generation expected);

  void MakeTables();    ///< when they are not there
  void DeleteTables();  ///< they must be there
  void MakeFrame(const RulesetFrame& frame);
  /// Gives the chain exactly its rules; makes it when it is not there.
  void PutChain(const Chain& chain);
  void DeleteChain(Family family, const std::string& name);  ///< with its rules
  void PutElement(const Element& element);
  void DeleteElement(const Element& element);

  [[nodiscard]] bool empty() const { return origins_.empty(); }
  /// Once. Errors as in RulesetSink.
  Status Commit(NetlinkSocket::Clock::time_point until);

 private:
  nlmsghdr* Start(std::uint16_t type, std::uint16_t flags, std::uint16_t protocol);
  void Append(std::string what);
  void AppendEnd(std::uint16_t type);
  void AppendRules(const Chain& chain);
  Error Judge(const nlmsghdr* error) const;

  NetlinkSocket& socket_;
  NetlinkMessage message_;
  Bytes batch_;
  std::size_t last_at_ = 0;  ///< offset of the last message's header in batch_
  std::uint32_t begin_ = 0;  ///< sequence numbers
  std::uint32_t last_ = 0;
  std::map<std::uint32_t, std::string> origins_;
  std::uint32_t next_set_id_ = 1;
};

}  // namespace bulkhead::netpolicy
