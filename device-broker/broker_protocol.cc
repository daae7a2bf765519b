// SPDX-License-Identifier: GPL-2.0-or-later
#include "device-broker/broker_protocol.h"

#include <type_traits>

#include "vmspec/base/message_codec.h"

namespace bulkhead::broker {

template <typename M, typename T>
concept Is = std::is_same_v<std::remove_const_t<M>, T>;

constexpr std::size_t kIdBytes = 64;
constexpr std::size_t kLevelBytes = 31;

template <Is<SetPolicyRequest> M, typename V>
void Fields(M& m, V& v) {
  v.Blob(m.policy, kMaxPolicyBytes);
}
template <Is<ListRequest> M, typename V>
void Fields(M&, V&) {}
template <Is<LendRequest> M, typename V>
void Fields(M& m, V& v) {
  v.Str(m.device, kIdBytes), v.Str(m.level, kLevelBytes), v.Flag(m.write);
}
template <Is<ConfirmAttachedRequest> M, typename V>
void Fields(M& m, V& v) {
  v.Str(m.device, kIdBytes), v.Str(m.level, kLevelBytes);
}
template <Is<BeginTakeBackRequest> M, typename V>
void Fields(M& m, V& v) {
  v.Str(m.device, kIdBytes);
}
template <Is<ReleasedRequest> M, typename V>
void Fields(M& m, V& v) {
  v.Str(m.device, kIdBytes);
}
template <Is<DoneAnswer> M, typename V>
void Fields(M&, V&) {}
template <Is<FailedAnswer> M, typename V>
void Fields(M& m, V& v) {
  v.Num(m.code), v.Str(m.message, 1024);
}

template <typename D, typename V>
void DeviceFields(D& d, V& v) {
  v.Str(d.id, kIdBytes), v.Str(d.device_class, 31), v.Str(d.path, 128), v.Str(d.title, 256);
  v.Str(d.serial, 256), v.Num(d.size_bytes);
  auto state = static_cast<std::uint8_t>(d.state);
  v.Num(state);
  if constexpr (!std::is_const_v<D>) d.state = static_cast<DeviceState>(state);
  v.Str(d.level, kLevelBytes), v.Flag(d.writable), v.Str(d.note, 1024), v.Flag(d.disallowed);
}
template <Is<DevicesAnswer> M, typename V>
void Fields(M& m, V& v) {
  v.List(m.devices, kMaxListed, 39, [&](auto& d) { DeviceFields(d, v); });
}
template <Is<LentAnswer> M, typename V>
void Fields(M& m, V& v) {
  DeviceFields(m.device, v);
}

Bytes Encode(const Request& message) { return EncodeMessage(message); }
Bytes Encode(const Answer& message) { return EncodeMessage(message); }
Result<Request> DecodeRequest(const Frame& frame) { return DecodeMessage<Request>(frame); }

Result<Answer> DecodeAnswer(const Frame& frame) {
  auto answer = DecodeMessage<Answer>(frame);
  if (!answer) return answer;
  bool known = true;
  auto check = [&](const Device& d) { known = known && d.state <= DeviceState::kReset; };
  if (auto* lent = std::get_if<LentAnswer>(&*answer)) check(lent->device);
  if (auto* list = std::get_if<DevicesAnswer>(&*answer)) {
    for (const Device& device : list->devices) check(device);
  }
  if (!known) return Fail(ErrorCode::kCorrupt, "a device is in an unknown state");
  return answer;
}

FailedAnswer ToFailed(const Error& error) {
  return FailedAnswer{static_cast<std::uint8_t>(error.code), error.message};
}

Error ToError(const FailedAnswer& failed) {
  bool known = failed.code <= static_cast<std::uint8_t>(ErrorCode::kInternal);
  return Error{known ? static_cast<ErrorCode>(failed.code) : ErrorCode::kInternal, failed.message,
               0};
}

}  // namespace bulkhead::broker
