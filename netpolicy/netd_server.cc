// SPDX-License-Identifier: GPL-2.0-or-later
#include "netpolicy/netd_server.h"

#include "vmspec/base/identity.h"
#include "vmspec/base/socket.h"

namespace bulkhead::netpolicy {

namespace {

using std::chrono::milliseconds;
// hostd writes its request in one go. While it dawdles nobody else is served.
constexpr milliseconds kRequestDeadline{2000};
constexpr milliseconds kAnswerDeadline{2000};

Answer FromStatus(const Status& status) {
  if (!status) return ToFailed(status.error());
  return DoneAnswer{};
}

struct Server {
  LevelNetworks& networks;

  Answer operator()(const ApplyRequest& request) {
    auto policy = DecodePolicy(request.policy);
    if (!policy) return ToFailed(policy.error());
    return FromStatus(networks.Apply(*policy));
  }
  Answer operator()(const RemoveRequest& request) {
    return FromStatus(networks.Remove(request.level));
  }
  Answer operator()(const RetainOnlyRequest& request) {
    return FromStatus(networks.RetainOnly(request.levels));
  }
  Answer operator()(const StatusRequest&) {
    auto levels = networks.GetStatus();
    if (!levels) return ToFailed(levels.error());
    return StatusAnswer{std::move(*levels)};
  }
};

Status SendAnswer(int fd, const Answer& answer) {
  return WriteAll(fd, Encode(answer), kAnswerDeadline);
}

}  // namespace

Answer Serve(LevelNetworks& networks, const Request& request) {
  return std::visit(Server{networks}, request);
}

Status ServeConnection(LevelNetworks& networks, UniqueFd client) {
  auto peer = PeerOf(client.get());
  if (!peer) return Propagate(peer);
  if (peer->uid != kUidHostd && peer->uid != 0) {
    auto refusal = Fail(ErrorCode::kPermission,
                        "only bulkhead-hostd is served, not uid " + std::to_string(peer->uid));
    (void)SendAnswer(client.get(), ToFailed(refusal.error()));
    return refusal;
  }
  FrameSocket socket(std::move(client), kMaxRequestPayload);
  auto frame = socket.Receive(kRequestDeadline);
  if (!frame) return Propagate(frame, "request");
  auto request = DecodeRequest(frame->frame);
  if (!request) {
    (void)SendAnswer(socket.fd(), ToFailed(request.error()));
    return Propagate(request, "request");
  }
  return SendAnswer(socket.fd(), Serve(networks, *request));
}

}  // namespace bulkhead::netpolicy
