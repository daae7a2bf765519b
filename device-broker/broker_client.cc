// SPDX-License-Identifier: GPL-2.0-or-later
#include "device-broker/broker_client.h"

#include <chrono>

#include "device-broker/broker_protocol.h"
#include "vmspec/base/socket.h"

namespace bulkhead::broker {

namespace {

/// Where brokerd is, and how long it may take.
struct Peer {
  const std::string& path;
  std::chrono::milliseconds deadline;
};

struct Reply {
  Answer answer;
  std::vector<UniqueFd> fds;
};

/// One connection, one request, one answer. A failure comes back as the error it carries.
Result<Reply> Exchange(const Peer& peer, const Request& request) {
  auto fd = ConnectUnix(peer.path);
  if (!fd) return Propagate(fd);
  int raw = fd->get();
  FrameSocket socket(std::move(*fd), kMaxAnswerPayload);
  // A refusal can be there before the request is out: read it all the same.
  Status sent = WriteAll(raw, Encode(request), peer.deadline);
  auto frame = socket.Receive(peer.deadline);
  if (!frame && !sent) return std::unexpected(sent.error());
  if (!frame) {
    // The request is out: brokerd may have acted before it died.
    return Fail(ErrorCode::kOutcomeUnknown, frame.error().message + "; list the devices first");
  }
  auto answer = DecodeAnswer(frame->frame);
  if (!answer) return Propagate(answer);
  if (auto* failed = std::get_if<FailedAnswer>(&*answer)) return std::unexpected(ToError(*failed));
  return Reply{std::move(*answer), std::move(frame->fds)};
}

/// @param fds  how many descriptors belong to such an answer
template <typename Expected>
Result<std::pair<Expected, std::vector<UniqueFd>>> Ask(const Peer& peer, const Request& request,
                                                       std::size_t fds) {
  auto reply = Exchange(peer, request);
  if (!reply) return Propagate(reply, "bulkhead-brokerd");
  auto* expected = std::get_if<Expected>(&reply->answer);
  if (expected == nullptr || reply->fds.size() != fds) {
    return Fail(ErrorCode::kCorrupt, "bulkhead-brokerd: the answer is not one to this request");
  }
  return std::pair(std::move(*expected), std::move(reply->fds));
}

Status AskForDone(const Peer& peer, const Request& request) {
  auto done = Ask<DoneAnswer>(peer, request, 0);
  if (!done) return Propagate(done);
  return {};
}

}  // namespace

Status BrokerClient::SetPolicy(const vmspec::SpecSet& spec) {
  return AskForDone({socket_path_, deadline_}, SetPolicyRequest{EncodePolicy(PolicyOf(spec))});
}

Result<std::vector<Device>> BrokerClient::List() {
  auto answer = Ask<DevicesAnswer>({socket_path_, deadline_}, ListRequest{}, 0);
  if (!answer) return Propagate(answer);
  return std::move(answer->first.devices);
}

Result<Lease> BrokerClient::Lend(const std::string& device, const std::string& level, bool write) {
  auto answer = Ask<LentAnswer>({socket_path_, deadline_}, LendRequest{device, level, write}, 1);
  if (!answer) return Propagate(answer);
  return Lease{std::move(answer->first.device), std::move(answer->second[0])};
}

Status BrokerClient::ConfirmAttached(const std::string& device, const std::string& level) {
  return AskForDone({socket_path_, deadline_}, ConfirmAttachedRequest{device, level});
}

Status BrokerClient::BeginTakeBack(const std::string& device) {
  return AskForDone({socket_path_, deadline_}, BeginTakeBackRequest{device});
}

Status BrokerClient::Released(const std::string& device) {
  return AskForDone({socket_path_, deadline_}, ReleasedRequest{device});
}

}  // namespace bulkhead::broker
