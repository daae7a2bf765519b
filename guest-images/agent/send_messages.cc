// SPDX-License-Identifier: GPL-2.0-or-later
#include "guest-images/agent/send_messages.h"

#include "vmspec/base/message_codec.h"

namespace bulkhead::agent {

template <typename M, typename T>
concept Is = std::is_same_v<std::remove_const_t<M>, T>;

template <Is<SendRequest> M, typename V>
void Fields(M& m, V& v) {
  v.Str(m.to, 64), v.Str(m.name, 512);
}
template <Is<SendProgress> M, typename V>
void Fields(M& m, V& v) {
  v.Num(m.done), v.Num(m.total);
}
template <Is<SendResult> M, typename V>
void Fields(M& m, V& v) {
  v.Num(m.code), v.Str(m.sentence, 512);
}

Bytes Encode(const SendMessage& message) { return EncodeMessage(message); }
Result<SendMessage> DecodeSend(const Frame& frame) { return DecodeMessage<SendMessage>(frame); }

}  // namespace bulkhead::agent
