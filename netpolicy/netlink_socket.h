// SPDX-License-Identifier: GPL-2.0-or-later
/// One netlink socket: a request, its answers, a deadline. Thin over libmnl.
#pragma once

#include <libmnl/libmnl.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "vmspec/base/codec.h"
#include "vmspec/base/error.h"

namespace bulkhead::netpolicy {

/// A buffer to build one message in; the header lies at its start.
class NetlinkMessage {
 public:
  NetlinkMessage() : buffer_(kBytes, 0) {}
  /// Begins the message anew.
  nlmsghdr* Start(std::uint16_t type, std::uint16_t flags);
  [[nodiscard]] nlmsghdr* header() { return reinterpret_cast<nlmsghdr*>(buffer_.data()); }
  [[nodiscard]] ByteView bytes() const;

 private:
  static constexpr std::size_t kBytes = 16384;
  std::vector<std::uint8_t> buffer_;
};

class NetlinkSocket {
 public:
  using Clock = std::chrono::steady_clock;
  using OnMessage = std::function<void(const nlmsghdr*)>;

  /// @param protocol  NETLINK_NETFILTER, NETLINK_ROUTE
  static Result<NetlinkSocket> Open(int protocol);

  /// Sends it (NLM_F_ACK is added when it is no dump) and hands over each answer until the kernel
  /// has said all. The kernel's refusal is an error with its errno (and the kernel's own sentence
  /// when it gives one); kTimeout; kConflict when a dump was disturbed and must be made again.
  Status Request(NetlinkMessage& message, Clock::time_point until, const OnMessage& each = {});

  /// A fresh sequence number, for callers that build several messages into one datagram.
  std::uint32_t NextSequence() { return ++sequence_; }
  /// One datagram, whole.
  Status Send(ByteView datagram);
  /// Whatever comes next, to `each`, also errors. kTimeout.
  Status Receive(Clock::time_point until, const OnMessage& each);

  [[nodiscard]] int fd() const { return mnl_socket_get_fd(socket_.get()); }

 private:
  struct Closer {
    void operator()(mnl_socket* s) const { mnl_socket_close(s); }
  };
  explicit NetlinkSocket(mnl_socket* socket) : socket_(socket) {}

  std::unique_ptr<mnl_socket, Closer> socket_;
  std::uint32_t sequence_ = 0;
  Bytes buffer_;
};

/// errno in an NLMSG_ERROR message (0: an acknowledgement), positive.
int ErrnoOf(const nlmsghdr* message);
/// The kernel's sentence about its refusal (extended acknowledgement), printable, or "".
std::string KernelSentence(const nlmsghdr* message);
/// The error of a refusal.
std::unexpected<Error> KernelRefusal(const nlmsghdr* message, std::string_view doing);

}  // namespace bulkhead::netpolicy
