// SPDX-License-Identifier: GPL-2.0-or-later
#include "device-broker/brokerd_server.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>

#include "vmspec/base/identity.h"
#include "vmspec/base/socket.h"

namespace bulkhead::broker {

namespace {

Served FromStatus(const Status& status) {
  if (!status) return {ToFailed(status.error()), {}};
  return {DoneAnswer{}, {}};
}

struct Server {
  Broker& broker;

  Served operator()(const SetPolicyRequest& request) {
    auto policy = DecodePolicy(request.policy);
    if (!policy) return {ToFailed(policy.error()), {}};
    return FromStatus(broker.SetPolicy(std::move(*policy)));
  }
  Served operator()(const ListRequest&) {
    auto devices = broker.List();
    if (!devices) return {ToFailed(devices.error()), {}};
    return {DevicesAnswer{std::move(*devices)}, {}};
  }
  Served operator()(const LendRequest& request) {
    auto lease = broker.Lend(request.device, request.level, request.write);
    if (!lease) return {ToFailed(lease.error()), {}};
    return {LentAnswer{std::move(lease->device)}, std::move(lease->fd)};
  }
  Served operator()(const ConfirmAttachedRequest& request) {
    return FromStatus(broker.ConfirmAttached(request.device, request.level));
  }
  Served operator()(const BeginTakeBackRequest& request) {
    return FromStatus(broker.BeginTakeBack(request.device));
  }
  Served operator()(const ReleasedRequest& request) {
    return FromStatus(broker.Released(request.device));
  }
};

Status Send(int fd, const Served& served) {
  std::vector<int> fds;
  if (served.fd) fds.push_back(served.fd.get());
  return WriteAll(fd, Encode(served.answer), BrokerdServer::kAnswerDeadline, fds);
}

Status CheckPeer(int fd) {
  auto peer = PeerOf(fd);
  if (!peer) return Propagate(peer);
  if (peer->uid == kUidHostd || peer->uid == 0) return {};
  return Fail(ErrorCode::kPermission,
              "only bulkhead-hostd is served, not uid " + std::to_string(peer->uid));
}

}  // namespace

Served Serve(Broker& broker, const Request& request) { return std::visit(Server{broker}, request); }

/// Until the first deadline; for ever where nobody is connected.
int BrokerdServer::PollTimeout() const {
  if (connections_.empty()) return -1;
  auto first = std::ranges::min_element(connections_, {}, &Connection::until)->until;
  auto left = std::chrono::ceil<std::chrono::milliseconds>(first - Clock::now()).count();
  return static_cast<int>(std::max<long long>(left, 0));
}

Status BrokerdServer::RunOnce() {
  std::vector<pollfd> waits;
  for (const Connection& connection : connections_) {
    waits.push_back({connection.fd.get(), POLLIN, 0});
  }
  bool full = connections_.size() >= kMaxConnections;
  if (!full) waits.push_back({listener_.get(), POLLIN, 0});
  if (::poll(waits.data(), waits.size(), PollTimeout()) < 0 && errno != EINTR) {
    return FailErrno("poll");
  }
  std::size_t i = 0;
  for (auto at = connections_.begin(); at != connections_.end(); ++i) {
    bool ready = waits[i].revents != 0;
    Progress progress = ready ? Read(*at) : Progress::kWaiting;
    bool late = progress == Progress::kWaiting && Clock::now() >= at->until;
    if (late) log_("a request did not come in time");
    at = late || progress == Progress::kFinished ? connections_.erase(at) : std::next(at);
  }
  if (!full && waits.back().revents != 0) Accept();
  return {};
}

void BrokerdServer::Accept() {
  auto client = AcceptUnix(listener_.get());
  if (!client) return log_(client.error().message);
  if (!*client) return;
  if (Status ours = CheckPeer(client->get()); !ours) {
    (void)Send(client->get(), {ToFailed(ours.error()), {}});
    return log_(ours.error().message);
  }
  connections_.push_back(
      {std::move(*client), FrameReader(kMaxRequestPayload), Clock::now() + kRequestDeadline});
}

/// Takes what is there. Descriptors that a peer sends along are not taken: there is no room for
/// them in recv().
BrokerdServer::Progress BrokerdServer::Read(Connection& connection) {
  std::array<std::uint8_t, 65536> buffer;
  ssize_t n = ::recv(connection.fd.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return Progress::kWaiting;
  if (n <= 0) return Progress::kFinished;
  auto taken = connection.reader.Feed(ByteView(buffer).first(static_cast<std::size_t>(n)));
  if (!taken) return Refuse(connection, taken.error());
  if (auto frame = connection.reader.Next()) return Answered(connection, *frame);
  return Progress::kWaiting;
}

BrokerdServer::Progress BrokerdServer::Answered(const Connection& connection, const Frame& frame) {
  auto request = DecodeRequest(frame);
  if (!request) return Refuse(connection, request.error());
  if (Status sent = Send(connection.fd.get(), Serve(broker_, *request)); !sent) {
    log_("answer: " + sent.error().message);
  }
  return Progress::kFinished;
}

BrokerdServer::Progress BrokerdServer::Refuse(const Connection& connection, const Error& error) {
  (void)Send(connection.fd.get(), {ToFailed(error), {}});
  log_("request: " + error.message);
  return Progress::kFinished;
}

}  // namespace bulkhead::broker
