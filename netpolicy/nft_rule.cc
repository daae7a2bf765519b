// SPDX-License-Identifier: GPL-2.0-or-later
// clang-format off
#include <cstdio>  // libnftnl/expr.h needs it and forgets it
// clang-format on

#include <libnftnl/expr.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "netpolicy/nft_fields.h"
#include "netpolicy/nft_objects.h"

namespace bulkhead::netpolicy {

namespace {

nftnl_expr* Add(nftnl_rule* rule, const char* kind) {
  nftnl_expr* expression = nftnl_expr_alloc(kind);
  nftnl_rule_add_expr(rule, expression);
  return expression;
}

void AddLoad(nftnl_rule* rule, const FieldPlace& place) {
  switch (place.kind) {
    case FieldPlace::Kind::kMeta: {
      nftnl_expr* e = Add(rule, "meta");
      nftnl_expr_set_u32(e, NFTNL_EXPR_META_KEY, place.key);
      nftnl_expr_set_u32(e, NFTNL_EXPR_META_DREG, NFT_REG_1);
      return;
    }
    case FieldPlace::Kind::kConntrack: {
      nftnl_expr* e = Add(rule, "ct");
      nftnl_expr_set_u32(e, NFTNL_EXPR_CT_KEY, place.key);
      nftnl_expr_set_u32(e, NFTNL_EXPR_CT_DREG, NFT_REG_1);
      return;
    }
    case FieldPlace::Kind::kPayload: {
      nftnl_expr* e = Add(rule, "payload");
      nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_BASE, place.key);
      nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_OFFSET, place.offset);
      nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_LEN, place.bytes);
      nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_DREG, NFT_REG_1);
      return;
    }
  }
}

void SetBytes(nftnl_expr* e, std::uint16_t attribute, const Bytes& bytes) {
  nftnl_expr_set(e, attribute, bytes.data(), static_cast<std::uint32_t>(bytes.size()));
}

void AddMask(nftnl_rule* rule, const Bytes& mask) {
  nftnl_expr* e = Add(rule, "bitwise");
  nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_SREG, NFT_REG_1);
  nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_DREG, NFT_REG_1);
  nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_OP, NFT_BITWISE_BOOL);
  nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_LEN, static_cast<std::uint32_t>(mask.size()));
  SetBytes(e, NFTNL_EXPR_BITWISE_MASK, mask);
  SetBytes(e, NFTNL_EXPR_BITWISE_XOR, Bytes(mask.size(), 0));
}

void AddCompare(nftnl_rule* rule, std::uint32_t operation, const Bytes& value) {
  nftnl_expr* e = Add(rule, "cmp");
  nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
  nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_OP, operation);
  SetBytes(e, NFTNL_EXPR_CMP_DATA, value);
}

void AddLookup(nftnl_rule* rule, const std::string& set, bool verdict, bool negate) {
  nftnl_expr* e = Add(rule, "lookup");
  nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_SREG, NFT_REG_1);
  nftnl_expr_set_str(e, NFTNL_EXPR_LOOKUP_SET, set.c_str());
  if (verdict) nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_DREG, NFT_REG_VERDICT);
  if (negate) nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_FLAGS, NFT_LOOKUP_F_INV);
}

void AddMatch(nftnl_rule* rule, const Match& match) {
  AddLoad(rule, PlaceOf(match.field));
  if (!match.set.empty()) return AddLookup(rule, match.set, false, match.negate);
  if (match.value.empty()) return;  // kDispatch looks it up
  if (!match.mask.empty()) AddMask(rule, match.mask);
  if (match.last.empty()) {
    AddCompare(rule, match.negate ? NFT_CMP_NEQ : NFT_CMP_EQ, match.value);
    return;
  }
  AddCompare(rule, NFT_CMP_GTE, match.value);
  AddCompare(rule, NFT_CMP_LTE, match.last);
}

/// Matches what is over the limit.
void AddLimit(nftnl_rule* rule, const RateLimit& limit) {
  nftnl_expr* e = Add(rule, "limit");
  nftnl_expr_set_u64(e, NFTNL_EXPR_LIMIT_RATE, limit.bytes_per_s);
  nftnl_expr_set_u64(e, NFTNL_EXPR_LIMIT_UNIT, 1);
  nftnl_expr_set_u32(e, NFTNL_EXPR_LIMIT_BURST, limit.burst_bytes);
  nftnl_expr_set_u32(e, NFTNL_EXPR_LIMIT_TYPE, NFT_LIMIT_PKT_BYTES);
  nftnl_expr_set_u32(e, NFTNL_EXPR_LIMIT_FLAGS, NFT_LIMIT_F_INV);
}

void AddVerdict(nftnl_rule* rule, std::uint32_t verdict) {
  nftnl_expr* e = Add(rule, "immediate");
  nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
  nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_VERDICT, verdict);
}

void AddAction(nftnl_rule* rule, const Rule& value) {
  switch (value.action) {
    case Action::kAccept:
      return AddVerdict(rule, NF_ACCEPT);
    case Action::kDrop:
      return AddVerdict(rule, NF_DROP);
    case Action::kMasquerade:
      Add(rule, "masq");
      return;
    case Action::kDispatch:
      return AddLookup(rule, value.map, true, false);
  }
}

}  // namespace

RulePtr MakeRule(const Chain& chain, std::size_t index,
                 const std::array<std::uint8_t, 16>& digest) {
  RulePtr rule = MakeRuleFilter(chain.family, chain.name);
  const Rule& value = chain.rules[index];
  for (const Match& match : value.matches) AddMatch(rule.get(), match);
  if (value.over) AddLimit(rule.get(), *value.over);
  if (!value.origin.empty()) Add(rule.get(), "counter");
  AddAction(rule.get(), value);
  Bytes tag = EncodeTag({static_cast<std::uint16_t>(index),
                         static_cast<std::uint16_t>(chain.rules.size()), digest, value.origin});
  nftnl_rule_set_data(rule.get(), NFTNL_RULE_USERDATA, tag.data(),
                      static_cast<std::uint32_t>(tag.size()));
  return rule;
}

}  // namespace bulkhead::netpolicy
