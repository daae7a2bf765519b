// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/super_client.h"

#include <chrono>

#include "hostd/super/super_protocol.h"
#include "vmspec/base/socket.h"

namespace bulkhead::hostd {

namespace {

constexpr std::chrono::seconds kDeadline{10};

/// One connection, one request, one answer. A Failed answer comes back as the error it carries.
Result<super::Answer> Ask(const std::string& path, const super::Request& request) {
  auto fd = ConnectUnix(path);
  if (!fd) return Propagate(fd, "bulkhead-superd");
  int raw = fd->get();
  FrameSocket socket(std::move(*fd), super::kMaxPayload);
  // A refusal can be there before the request is out: read it all the same.
  Status sent = WriteAll(raw, super::Encode(request), kDeadline);
  auto frame = socket.Receive(kDeadline);
  if (!frame)
    return sent ? Propagate(frame, "bulkhead-superd")
                : std::unexpected(sent.error().Within("bulkhead-superd"));
  auto answer = super::DecodeAnswer(frame->frame);
  if (!answer) return Propagate(answer, "bulkhead-superd");
  if (auto* failed = std::get_if<super::Failed>(&*answer)) {
    return std::unexpected(super::ToError(*failed).Within("bulkhead-superd"));
  }
  return answer;
}

std::unexpected<Error> WrongAnswer() {
  return Fail(ErrorCode::kCorrupt, "bulkhead-superd: the answer is not one to this request");
}

}  // namespace

Status SuperClient::SetInstances(const std::vector<ServiceInstance>& instances) {
  if (instances.size() > super::kMaxInstances) {
    return Fail(ErrorCode::kLimit, "more than " + std::to_string(super::kMaxInstances) +
                                       " service instances cannot run on one machine");
  }
  auto answer = Ask(socket_path_, super::SetInstances{instances});
  if (!answer) return Propagate(answer);
  if (!std::holds_alternative<super::Done>(*answer)) return WrongAnswer();
  return {};
}

Result<std::vector<ServiceStatus>> SuperClient::GetStatus() {
  auto answer = Ask(socket_path_, super::GetStatus{});
  if (!answer) return Propagate(answer);
  auto* list = std::get_if<super::StatusList>(&*answer);
  if (list == nullptr) return WrongAnswer();
  return std::move(list->units);
}

}  // namespace bulkhead::hostd
