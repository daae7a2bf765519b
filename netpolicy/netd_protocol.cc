// SPDX-License-Identifier: GPL-2.0-or-later
#include "netpolicy/netd_protocol.h"

#include <type_traits>

#include "netpolicy/check_policy.h"
#include "vmspec/base/message_codec.h"

namespace bulkhead::netpolicy {

template <typename M, typename T>
concept Is = std::is_same_v<std::remove_const_t<M>, T>;

template <Is<ApplyRequest> M, typename V>
void Fields(M& m, V& v) {
  v.Blob(m.policy, kMaxRequestPayload);
}
template <Is<RemoveRequest> M, typename V>
void Fields(M& m, V& v) {
  v.Str(m.level, 31);
}
template <Is<RetainOnlyRequest> M, typename V>
void Fields(M& m, V& v) {
  v.List(m.levels, kMaxLevels, 4, [&](auto& level) { v.Str(level, 31); });
}
template <Is<StatusRequest> M, typename V>
void Fields(M&, V&) {}
template <Is<DoneAnswer> M, typename V>
void Fields(M&, V&) {}
template <Is<FailedAnswer> M, typename V>
void Fields(M& m, V& v) {
  v.Num(m.code), v.Str(m.message, 1024);
}

template <typename C, typename V>
void CounterFields(C& c, V& v) {
  v.Str(c.origin, 128), v.Num(c.packets), v.Num(c.bytes);
}
template <typename L, typename V>
void LevelFields(L& l, V& v) {
  v.Str(l.level, 31), v.Str(l.interface, 15), v.Flag(l.tap_present), v.Flag(l.rules_present);
  v.List(l.counters, 2 * kMaxKernelRules, 20, [&](auto& c) { CounterFields(c, v); });
}
template <Is<StatusAnswer> M, typename V>
void Fields(M& m, V& v) {
  v.List(m.levels, kMaxLevels, 14, [&](auto& level) { LevelFields(level, v); });
}

Bytes Encode(const Request& message) { return EncodeMessage(message); }
Bytes Encode(const Answer& message) { return EncodeMessage(message); }
Result<Request> DecodeRequest(const Frame& frame) { return DecodeMessage<Request>(frame); }
Result<Answer> DecodeAnswer(const Frame& frame) { return DecodeMessage<Answer>(frame); }

FailedAnswer ToFailed(const Error& error) {
  return FailedAnswer{static_cast<std::uint8_t>(error.code), error.message};
}

Error ToError(const FailedAnswer& failed) {
  bool known = failed.code <= static_cast<std::uint8_t>(ErrorCode::kInternal);
  return Error{known ? static_cast<ErrorCode>(failed.code) : ErrorCode::kInternal, failed.message,
               0};
}

}  // namespace bulkhead::netpolicy
