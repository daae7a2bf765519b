// SPDX-License-Identifier: GPL-2.0-or-later
#include "netpolicy/check_policy.h"
#include "netpolicy/policy.h"
#include "vmspec/base/message_codec.h"

namespace bulkhead::netpolicy {

namespace {

template <typename O, typename V>
void OriginFields(O& o, V& v) {
  v.Str(o.file, 256), v.Num(o.line), v.Num(o.column), v.Num(o.length);
}

template <typename P, typename V>
void PrefixFields(P& p, V& v) {
  v.Flag(p.v6), v.Fixed(p.address), v.Num(p.length);
}

/// The protocol travels as a byte; CheckPolicy() refuses one that is none.
template <typename P, typename V>
void ProtocolField(P& protocol, V& v) {
  auto byte = static_cast<std::uint8_t>(protocol);
  v.Num(byte);
  if constexpr (!std::is_const_v<P>) protocol = static_cast<vmspec::Protocol>(byte);
}

template <typename R, typename V>
void RuleFields(R& r, V& v) {
  ProtocolField(r.protocol, v), PrefixFields(r.to, v);
  v.List(r.ports, kMaxPortsPerRule, 4, [&](auto& p) { v.Num(p.first), v.Num(p.last); });
  v.Str(r.comment, 256), OriginFields(r.origin, v);
}

template <typename L, typename V>
void LinkFields(L& l, V& v) {
  v.Str(l.interface, 15), v.Fixed(l.mac);
  v.Fixed(l.host4), v.Fixed(l.guest4), v.Fixed(l.host6), v.Fixed(l.guest6);
}

constexpr std::size_t kLeastRuleBytes = 1 + 18 + 4 + 4 + 16;

template <typename P, typename V>
void PolicyFields(P& p, V& v) {
  v.Str(p.level, 31), v.Num(p.uid), LinkFields(p.link, v);
  v.Str(p.uplink_interface, 15), v.Flag(p.nat);
  v.Num(p.out_bytes_per_s), v.Num(p.in_bytes_per_s);
  v.List(p.rules, kMaxRules, kLeastRuleBytes, [&](auto& r) { RuleFields(r, v); });
  v.List(p.deny, kMaxRules, kLeastRuleBytes, [&](auto& r) { RuleFields(r, v); });
}

}  // namespace

Bytes EncodePolicy(const LevelPolicy& policy) {
  FieldWriter w;
  PolicyFields(policy, w);
  return w.Take();
}

Result<LevelPolicy> DecodePolicy(ByteView in) {
  LevelPolicy policy;
  FieldReader reader(in);
  PolicyFields(policy, reader);
  if (!reader.Done()) return Fail(ErrorCode::kCorrupt, "the bytes are no level policy");
  if (Status ok = CheckPolicy(policy); !ok) return Propagate(ok);
  return policy;
}

}  // namespace bulkhead::netpolicy
