// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/base/report_messages.h"

#include "vmspec/base/message_codec.h"

namespace bulkhead::report {

template <typename M, typename T>
concept Is = std::is_same_v<std::remove_const_t<M>, T>;

template <Is<AgentLink> M, typename V>
void Fields(M& m, V& v) {
  v.Num(m.state), v.Str(m.reason, 256);
}
template <Is<Decision> M, typename V>
void Fields(M& m, V& v) {
  v.Num(m.serial), v.Num(m.verdict), v.Fixed(m.transfer), v.Str(m.name, 1024), v.Num(m.size);
  v.Fixed(m.sha256), v.Str(m.reason, 256);
}
template <Is<Recorded> M, typename V>
void Fields(M& m, V& v) {
  v.Num(m.serial);
}
template <Is<GuestReady> M, typename V>
void Fields(M&, V&) {}
template <Is<Settled> M, typename V>
void Fields(M& m, V& v) {
  v.Fixed(m.transfer);
}

Bytes Encode(const ToHostd& message) { return EncodeMessage(message); }
Bytes Encode(const FromHostd& message) { return EncodeMessage(message); }
Result<ToHostd> DecodeToHostd(const Frame& frame) { return DecodeMessage<ToHostd>(frame); }
Result<FromHostd> DecodeFromHostd(const Frame& frame) { return DecodeMessage<FromHostd>(frame); }

}  // namespace bulkhead::report
