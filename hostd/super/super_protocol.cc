// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/super/super_protocol.h"

#include <type_traits>

#include "vmspec/base/message_codec.h"

namespace bulkhead::super {

template <typename M, typename T>
concept Is = std::is_same_v<std::remove_const_t<M>, T>;

/// The kind travels as a byte; instance_rules.cc refuses one that is no kind.
template <typename M, typename V>
void KindField(M& kind, V& v) {
  auto byte = static_cast<std::uint8_t>(kind);
  v.Num(byte);
  if constexpr (!std::is_const_v<M>) kind = static_cast<hostd::ServiceInstance::Kind>(byte);
}
template <typename I, typename V>
void InstanceFields(I& i, V& v) {
  KindField(i.kind, v), v.Str(i.name, 31), v.Num(i.index);
  v.Str(i.level, 31), v.Num(i.level_index), v.Str(i.peer_level, 31);
  v.Num(i.max_file_bytes), v.Num(i.quota_bytes), v.Num(i.max_files);
}
template <Is<SetInstances> M, typename V>
void Fields(M& m, V& v) {
  v.List(m.instances, kMaxInstances, 41, [&](auto& i) { InstanceFields(i, v); });
}
template <Is<GetStatus> M, typename V>
void Fields(M&, V&) {}
template <Is<Done> M, typename V>
void Fields(M&, V&) {}
template <Is<Failed> M, typename V>
void Fields(M& m, V& v) {
  v.Num(m.code), v.Str(m.message, 1024);
}
template <Is<StatusList> M, typename V>
void Fields(M& m, V& v) {
  v.List(m.units, kMaxInstances + 64, 12,
         [&](auto& u) { v.Str(u.unit, 64), v.Num(u.pid), v.Num(u.restarts); });
}

Bytes Encode(const Request& message) { return EncodeMessage(message); }
Bytes Encode(const Answer& message) { return EncodeMessage(message); }
Result<Request> DecodeRequest(const Frame& frame) { return DecodeMessage<Request>(frame); }
Result<Answer> DecodeAnswer(const Frame& frame) { return DecodeMessage<Answer>(frame); }

Failed ToFailed(const Error& error) {
  return Failed{static_cast<std::uint8_t>(error.code), error.message};
}

Error ToError(const Failed& failed) {
  bool known = failed.code <= static_cast<std::uint8_t>(ErrorCode::kInternal);
  return Error{known ? static_cast<ErrorCode>(failed.code) : ErrorCode::kInternal, failed.message,
               0};
}

}  // namespace bulkhead::super
