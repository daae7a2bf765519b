// SPDX-License-Identifier: GPL-2.0-or-later
#include "netpolicy/netlink_socket.h"

#include <fcntl.h>
#include <poll.h>

#include "vmspec/base/sanitize.h"

namespace bulkhead::netpolicy {

namespace {

// The kernel fills dumps up to 32 KiB at a time.
constexpr std::size_t kReceiveBytes = 65536;
constexpr int kKernelQueueBytes = 8 << 20;

Status WaitReadable(int fd, NetlinkSocket::Clock::time_point until) {
  for (;;) {
    auto left = std::chrono::ceil<std::chrono::milliseconds>(until - NetlinkSocket::Clock::now());
    pollfd p{fd, POLLIN, 0};
    int n = ::poll(&p, 1, static_cast<int>(std::max<long long>(left.count(), 0)));
    if (n > 0) return {};
    if (n == 0) return Fail(ErrorCode::kTimeout, "the kernel's netlink did not answer in time");
    if (errno != EINTR) return FailErrno("poll");
  }
}

/// What one message means for the request that waits.
struct Outcome {
  bool finished = false;
  Status status;
};

Outcome Judge(const nlmsghdr* message, bool dump) {
  if (message->nlmsg_flags & NLM_F_DUMP_INTR) {
    return {true, Fail(ErrorCode::kConflict, "the kernel's tables changed while they were read")};
  }
  if (message->nlmsg_type == NLMSG_DONE) return {true, {}};
  if (message->nlmsg_type != NLMSG_ERROR) return {};
  if (ErrnoOf(message) != 0) return {true, KernelRefusal(message, "netlink")};
  return {!dump, {}};
}

}  // namespace

nlmsghdr* NetlinkMessage::Start(std::uint16_t type, std::uint16_t flags) {
  std::fill(buffer_.begin(), buffer_.end(), std::uint8_t{0});
  nlmsghdr* out = mnl_nlmsg_put_header(buffer_.data());
  out->nlmsg_type = type;
  out->nlmsg_flags = NLM_F_REQUEST | flags;
  return out;
}

ByteView NetlinkMessage::bytes() const {
  auto* out = reinterpret_cast<const nlmsghdr*>(buffer_.data());
  return ByteView(buffer_).first(MNL_ALIGN(out->nlmsg_len));
}

int ErrnoOf(const nlmsghdr* message) {
  if (message->nlmsg_len < mnl_nlmsg_size(sizeof(nlmsgerr))) return EBADMSG;
  auto* error = static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(message));
  return error->error < 0 ? -error->error : error->error;
}

std::string KernelSentence(const nlmsghdr* message) {
  if (!(message->nlmsg_flags & NLM_F_ACK_TLVS) || !(message->nlmsg_flags & NLM_F_CAPPED)) return {};
  std::string out;
  auto each = [](const nlattr* attribute, void* data) {
    if (mnl_attr_get_type(attribute) == NLMSGERR_ATTR_MSG &&
        mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) >= 0) {
      *static_cast<std::string*>(data) = Printable(mnl_attr_get_str(attribute), 160);
    }
    return MNL_CB_OK;
  };
  mnl_attr_parse(message, sizeof(nlmsgerr), each, &out);
  return out;
}

std::unexpected<Error> KernelRefusal(const nlmsghdr* message, std::string_view doing) {
  std::string sentence = KernelSentence(message);
  std::string where(doing);
  if (!sentence.empty()) where += " (" + sentence + ")";
  return FailErrno(where, ErrnoOf(message));
}

Result<NetlinkSocket> NetlinkSocket::Open(int protocol) {
  NetlinkSocket out(mnl_socket_open2(protocol, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!out.socket_) return FailErrno("netlink socket");
  if (mnl_socket_bind(out.socket_.get(), 0, MNL_SOCKET_AUTOPID) != 0) return FailErrno("netlink");
  int on = 1;
  // Errors without a copy of what they are about, and with the kernel's sentence. Not on old
  // kernels.
  (void)mnl_socket_setsockopt(out.socket_.get(), NETLINK_CAP_ACK, &on, sizeof on);
  (void)mnl_socket_setsockopt(out.socket_.get(), NETLINK_EXT_ACK, &on, sizeof on);
  int bytes = kKernelQueueBytes;
  (void)::setsockopt(out.fd(), SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
  out.buffer_.resize(kReceiveBytes);
  return out;
}

Status NetlinkSocket::Send(ByteView datagram) {
  int bytes = static_cast<int>(datagram.size() + 65536);
  if (datagram.size() > 100'000) {
    // A transaction is one datagram; the limit of an ordinary socket is about 200 KiB.
    (void)::setsockopt(fd(), SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes);
  }
  ssize_t n = mnl_socket_sendto(socket_.get(), datagram.data(), datagram.size());
  if (n < 0) return FailErrno("send to netlink");
  return {};
}

Status NetlinkSocket::Receive(Clock::time_point until, const OnMessage& each) {
  if (Status ready = WaitReadable(fd(), until); !ready) return ready;
  ssize_t n = mnl_socket_recvfrom(socket_.get(), buffer_.data(), buffer_.size());
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return {};
  if (n < 0) return FailErrno("receive from netlink");
  int left = static_cast<int>(n);
  for (auto* m = reinterpret_cast<const nlmsghdr*>(buffer_.data()); mnl_nlmsg_ok(m, left);
       m = mnl_nlmsg_next(m, &left)) {
    each(m);
  }
  return {};
}

Status NetlinkSocket::Request(NetlinkMessage& message, Clock::time_point until,
                              const OnMessage& each) {
  nlmsghdr* request = message.header();
  bool dump = (request->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
  if (!dump) request->nlmsg_flags |= NLM_F_ACK;
  std::uint32_t sequence = request->nlmsg_seq = NextSequence();
  if (Status sent = Send(message.bytes()); !sent) return sent;
  Outcome outcome;
  while (!outcome.finished) {
    Status received = Receive(until, [&](const nlmsghdr* m) {
      // Answers to a request that was given up are not ours.
      if (m->nlmsg_seq != sequence || outcome.finished) return;
      outcome = Judge(m, dump);
      if (!outcome.finished && m->nlmsg_type >= NLMSG_MIN_TYPE && each) each(m);
    });
    if (!received) return received;
  }
  return outcome.status;
}

}  // namespace bulkhead::netpolicy
