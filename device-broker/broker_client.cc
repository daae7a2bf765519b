// SPDX-License-Identifier: GPL-2.0-or-later
#include "device-broker/broker_client.h"

#include <chrono>

#include "device-broker/broker_protocol.h"
#include "vmspec/base/socket.h"

namespace bulkhead::broker {

namespace {

// A drive may have to spin up, and what was written may have to reach a slow stick.
constexpr std::chrono::seconds kDeadline{30};

struct Reply {
  Answer answer;
  std::vector<UniqueFd> fds;
};

/// One connection, one request, one answer. A failure comes back as the error it carries.
Result<Reply> Exchange(const std::string& path, const Request& request) {
  auto fd = ConnectUnix(path);
  if (!fd) return Propagate(fd);
  int raw = fd->get();
  FrameSocket socket(std::move(*fd), kMaxAnswerPayload);
  // A refusal can be there before the request is out: read it all the same.
  Status sent = WriteAll(raw, Encode(request), kDeadline);
  auto frame = socket.Receive(kDeadline);
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
Result<std::pair<Expected, std::vector<UniqueFd>>> Ask(const std::string& path,
                                                       const Request& request, std::size_t fds) {
  auto reply = Exchange(path, request);
  if (!reply) return Propagate(reply, "bulkhead-brokerd");
  auto* expected = std::get_if<Expected>(&reply->answer);
  if (expected == nullptr || reply->fds.size() != fds) {
    return Fail(ErrorCode::kCorrupt, "bulkhead-brokerd: the answer is not one to this request");
  }
  return std::pair(std::move(*expected), std::move(reply->fds));
}

Status AskForDone(const std::string& path, const Request& request) {
  auto done = Ask<DoneAnswer>(path, request, 0);
  if (!done) return Propagate(done);
  return {};
}

}  // namespace

Status BrokerClient::SetPolicy(const vmspec::SpecSet& spec) {
  return AskForDone(socket_path_, SetPolicyRequest{EncodePolicy(PolicyOf(spec))});
}

Result<std::vector<Device>> BrokerClient::List() {
  auto answer = Ask<DevicesAnswer>(socket_path_, ListRequest{}, 0);
  if (!answer) return Propagate(answer);
  return std::move(answer->first.devices);
}

Result<Lease> BrokerClient::Lend(const std::string& device, const std::string& level, bool write) {
  auto answer = Ask<LentAnswer>(socket_path_, LendRequest{device, level, write}, 1);
  if (!answer) return Propagate(answer);
  return Lease{std::move(answer->first.device), std::move(answer->second[0])};
}

Status BrokerClient::ConfirmAttached(const std::string& device, const std::string& level) {
  return AskForDone(socket_path_, ConfirmAttachedRequest{device, level});
}

Status BrokerClient::BeginTakeBack(const std::string& device) {
  return AskForDone(socket_path_, BeginTakeBackRequest{device});
}

Status BrokerClient::Released(const std::string& device) {
  return AskForDone(socket_path_, ReleasedRequest{device});
}

}  // namespace bulkhead::broker
