// SPDX-License-Identifier: GPL-2.0-or-later
#include "netpolicy/netd_client.h"

#include <chrono>

#include "netpolicy/netd_protocol.h"
#include "vmspec/base/socket.h"

namespace bulkhead::netpolicy {

namespace {

constexpr std::chrono::seconds kDeadline{10};

/// One connection, one request, one answer. A failure comes back as the error it carries.
Result<Answer> Exchange(const std::string& path, const Request& request) {
  auto fd = ConnectUnix(path);
  if (!fd) return Propagate(fd);
  int raw = fd->get();
  FrameSocket socket(std::move(*fd), kMaxAnswerPayload);
  // A refusal can be there before the request is out: read it all the same.
  Status sent = WriteAll(raw, Encode(request), kDeadline);
  auto frame = socket.Receive(kDeadline);
  if (!frame && !sent) return std::unexpected(sent.error());
  if (!frame) {
    // The request is out: netd may have acted before it died.
    return Fail(ErrorCode::kOutcomeUnknown, frame.error().message + "; ask for the status first");
  }
  auto answer = DecodeAnswer(frame->frame);
  if (!answer) return Propagate(answer);
  if (auto* failed = std::get_if<FailedAnswer>(&*answer)) return std::unexpected(ToError(*failed));
  return answer;
}

template <typename Expected>
Result<Expected> Ask(const std::string& path, const Request& request) {
  auto answer = Exchange(path, request);
  if (!answer) return Propagate(answer, "bulkhead-netd");
  auto* expected = std::get_if<Expected>(&*answer);
  if (expected == nullptr) {
    return Fail(ErrorCode::kCorrupt, "bulkhead-netd: the answer is not one to this request");
  }
  return std::move(*expected);
}

Status AskForDone(const std::string& path, const Request& request) {
  auto done = Ask<DoneAnswer>(path, request);
  if (!done) return Propagate(done);
  return {};
}

}  // namespace

Status NetdClient::Apply(const LevelPolicy& policy) {
  return AskForDone(socket_path_, ApplyRequest{EncodePolicy(policy)});
}

Status NetdClient::Remove(const std::string& level) {
  return AskForDone(socket_path_, RemoveRequest{level});
}

Status NetdClient::RetainOnly(const std::vector<std::string>& levels) {
  if (levels.size() > kMaxLevels) {
    return Fail(ErrorCode::kLimit,
                "more than " + std::to_string(kMaxLevels) + " levels cannot have a network");
  }
  return AskForDone(socket_path_, RetainOnlyRequest{levels});
}

Result<std::vector<LevelNetStatus>> NetdClient::GetStatus() {
  auto answer = Ask<StatusAnswer>(socket_path_, StatusRequest{});
  if (!answer) return Propagate(answer);
  return std::move(answer->levels);
}

}  // namespace bulkhead::netpolicy
