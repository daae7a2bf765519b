// SPDX-License-Identifier: GPL-2.0-or-later
/// The kernel's tracked connections: those that a policy no longer allows are ended, so that a rule
/// taken away also stops the answers to what it had let out (S21).
#pragma once

#include "netpolicy/netlink_socket.h"
#include "netpolicy/policy.h"

namespace bulkhead::netpolicy {

class Conntrack {
 public:
  static Result<Conntrack> Open();

  /// Forgets every connection that the level's guest began and that `policy` would not let begin.
  /// @return how many
  Result<std::size_t> EndForbidden(const LevelPolicy& policy);

 private:
  explicit Conntrack(NetlinkSocket socket) : socket_(std::move(socket)) {}
  /// A connection as the kernel names it: the tuple of its first packet.
  struct Tracked {
    bool v6 = false;
    Bytes tuple;
  };
  Result<std::vector<Tracked>> FindForbidden(const LevelPolicy& policy);
  Status Forget(const Tracked& connection);

  NetlinkSocket socket_;
  NetlinkMessage message_;
};

}  // namespace bulkhead::netpolicy
