// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/base/control_messages.h"

#include "vmspec/base/message_codec.h"

namespace bulkhead::control {

// M is the message or its const form; V is FieldWriter or FieldReader.
template <typename M, typename T>
concept Is = std::is_same_v<std::remove_const_t<M>, T>;

template <Is<Hello> M, typename V>
void Fields(M& m, V& v) {
  v.Num(m.protocol), v.Str(m.image, 64), v.Str(m.version, 128), v.Str(m.boot_id, 64);
}
template <Is<Ready> M, typename V>
void Fields(M&, V&) {}
template <Is<Health> M, typename V>
void Fields(M& m, V& v) {
  v.Num(m.uptime_ms), v.Num(m.memory_total_kib), v.Num(m.memory_available_kib);
  v.Num(m.load1_milli), v.Num(m.clock_us);
}
template <Is<Delivered> M, typename V>
void Fields(M& m, V& v) {
  v.Str(m.flow, 31), v.Fixed(m.transfer), v.Flag(m.stored), v.Str(m.reason, 256);
}
template <Is<SendRefused> M, typename V>
void Fields(M& m, V& v) {
  v.Str(m.to, 64), v.Str(m.name, 255);
}
template <Is<RunOutput> M, typename V>
void Fields(M& m, V& v) {
  v.Num(m.run), v.Num(m.stream), v.Blob(m.data, 32768);
}
template <Is<RunExit> M, typename V>
void Fields(M& m, V& v) {
  v.Num(m.run), v.Num(m.status);
}
template <typename L, typename V>
void FlowEnds(L& list, V& v) {
  v.List(list, 64, 8, [&](auto& e) { v.Str(e.flow, 31), v.Str(e.peer, 31); });
}
template <Is<Welcome> M, typename V>
void Fields(M& m, V& v) {
  v.Str(m.level, 31), v.Num(m.time_us), v.Str(m.ipv4, 64), v.Str(m.gateway4, 64);
  v.Str(m.ipv6, 64), v.Str(m.gateway6, 64), v.Str(m.mac, 17);
  FlowEnds(m.outgoing, v), FlowEnds(m.incoming, v);
}
template <Is<Clock> M, typename V>
void Fields(M& m, V& v) {
  v.Num(m.time_us);
}
template <Is<Shutdown> M, typename V>
void Fields(M&, V&) {}
template <Is<Run> M, typename V>
void Fields(M& m, V& v) {
  v.Num(m.run), v.Str(m.user, 32);
  v.List(m.argv, 64, 4, [&](auto& a) { v.Str(a, 4096); });
}
template <Is<RunCancel> M, typename V>
void Fields(M& m, V& v) {
  v.Num(m.run);
}

Bytes Encode(const GuestMessage& message) { return EncodeMessage(message); }
Bytes Encode(const HostMessage& message) { return EncodeMessage(message); }
Result<GuestMessage> DecodeGuest(const Frame& frame) { return DecodeMessage<GuestMessage>(frame); }
Result<HostMessage> DecodeHost(const Frame& frame) { return DecodeMessage<HostMessage>(frame); }

}  // namespace bulkhead::control
