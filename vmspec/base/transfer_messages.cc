// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/base/transfer_messages.h"

#include "vmspec/base/message_codec.h"

namespace bulkhead::transfer {

template <typename M, typename T>
concept Is = std::is_same_v<std::remove_const_t<M>, T>;

template <Is<StreamStart> M, typename V>
void Fields(M& m, V& v) {
  v.Num(m.protocol);
}
template <Is<Begin> M, typename V>
void Fields(M& m, V& v) {
  v.Fixed(m.id), v.Str(m.name, 255), v.Str(m.from, 31), v.Num(m.size), v.Num(m.time_us);
}
template <Is<Data> M, typename V>
void Fields(M& m, V& v) {
  v.Blob(m.bytes, kMaxData);
}
template <Is<End> M, typename V>
void Fields(M& m, V& v) {
  v.Fixed(m.sha256);
}
template <Is<Abort> M, typename V>
void Fields(M&, V&) {}

Bytes Encode(const Message& message) { return EncodeMessage(message); }
Result<Message> Decode(const Frame& frame) { return DecodeMessage<Message>(frame); }

}  // namespace bulkhead::transfer
