// SPDX-License-Identifier: GPL-2.0-or-later
#include "netpolicy/nft_objects.h"

#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include <algorithm>
#include <array>

#include "vmspec/base/codec.h"

namespace bulkhead::netpolicy {

namespace {

// As nft(8) numbers them; nothing in the kernel looks at them.
constexpr std::uint32_t kTypeIfname = 41;
constexpr std::uint32_t kTypeVerdict = 0xffffff00;
constexpr std::size_t kInterfaceBytes = 16;

// User data is a list of {type, length, bytes}. Type 0 is nft's comment; ours nft passes over.
constexpr std::uint8_t kUserComment = 0;
constexpr std::uint8_t kUserTag = 0x62;
constexpr std::uint8_t kTagVersion = 1;
constexpr std::size_t kMaxComment = 127;

const char* TypeOf(const Hook& hook) {
  return hook.point == HookPoint::kPostrouting ? "nat" : "filter";
}

std::uint32_t NumberOf(HookPoint point) {
  switch (point) {
    case HookPoint::kInput:
      return NF_INET_LOCAL_IN;
    case HookPoint::kForward:
      return NF_INET_FORWARD;
    case HookPoint::kOutput:
      return NF_INET_LOCAL_OUT;
    case HookPoint::kPostrouting:
      return NF_INET_POST_ROUTING;
    case HookPoint::kIngress:
      break;
  }
  return NF_NETDEV_INGRESS;
}

void SetHook(nftnl_chain* chain, const Hook& hook) {
  nftnl_chain_set_str(chain, NFTNL_CHAIN_TYPE, TypeOf(hook));
  nftnl_chain_set_u32(chain, NFTNL_CHAIN_HOOKNUM, NumberOf(hook.point));
  nftnl_chain_set_s32(chain, NFTNL_CHAIN_PRIO, hook.priority);
  nftnl_chain_set_u32(chain, NFTNL_CHAIN_POLICY, hook.drop ? NF_DROP : NF_ACCEPT);
  if (!hook.device.empty()) nftnl_chain_set_str(chain, NFTNL_CHAIN_DEV, hook.device.c_str());
}

}  // namespace

std::uint16_t ProtocolOf(Family family) {
  return family == Family::kInet ? NFPROTO_INET : NFPROTO_NETDEV;
}

Bytes EncodeTag(const RuleTag& tag) {
  std::string_view comment = std::string_view(tag.origin).substr(0, kMaxComment);
  Writer out;
  if (!comment.empty()) {
    out.U8(kUserComment).U8(static_cast<std::uint8_t>(comment.size() + 1));
    out.Raw(ByteView(reinterpret_cast<const std::uint8_t*>(comment.data()), comment.size())).U8(0);
  }
  out.U8(kUserTag).U8(1 + 2 + 2 + 16).U8(kTagVersion).U16(tag.index).U16(tag.count).Raw(tag.digest);
  return out.Take();
}

bool DecodeTag(ByteView in, RuleTag& tag) {
  Reader reader(in);
  bool tagged = false;
  while (reader.ok() && reader.left() > 0) {
    std::uint8_t type = reader.U8();
    std::uint8_t length = reader.U8();
    ByteView value = reader.Raw(length);
    if (!reader.ok()) return false;
    if (type == kUserComment && !value.empty()) {
      tag.origin.assign(value.begin(), value.end() - 1);
    } else if (type == kUserTag) {
      Reader fields(value);
      bool ours = fields.U8() == kTagVersion;
      tag.index = fields.U16();
      tag.count = fields.U16();
      ByteView digest = fields.Raw(tag.digest.size());
      tagged = ours && fields.Done();
      if (tagged) std::copy(digest.begin(), digest.end(), tag.digest.begin());
    }
  }
  return tagged;
}

TablePtr MakeTable(Family family) {
  TablePtr table(nftnl_table_alloc());
  nftnl_table_set_u32(table.get(), NFTNL_TABLE_FAMILY, ProtocolOf(family));
  nftnl_table_set_str(table.get(), NFTNL_TABLE_NAME, kTableName);
  nftnl_table_set_u32(table.get(), NFTNL_TABLE_FLAGS, 0);
  return table;
}

ChainPtr MakeChain(Family family, const std::string& name, const std::optional<Hook>& hook) {
  ChainPtr chain(nftnl_chain_alloc());
  nftnl_chain_set_u32(chain.get(), NFTNL_CHAIN_FAMILY, ProtocolOf(family));
  nftnl_chain_set_str(chain.get(), NFTNL_CHAIN_TABLE, kTableName);
  nftnl_chain_set_str(chain.get(), NFTNL_CHAIN_NAME, name.c_str());
  if (hook) SetHook(chain.get(), *hook);
  return chain;
}

RulePtr MakeRuleFilter(Family family, const std::string& chain) {
  RulePtr rule(nftnl_rule_alloc());
  nftnl_rule_set_u32(rule.get(), NFTNL_RULE_FAMILY, ProtocolOf(family));
  nftnl_rule_set_str(rule.get(), NFTNL_RULE_TABLE, kTableName);
  nftnl_rule_set_str(rule.get(), NFTNL_RULE_CHAIN, chain.c_str());
  return rule;
}

SetPtr MakeSet(const MapDeclaration& map, std::uint32_t id) {
  SetPtr set(nftnl_set_alloc());
  nftnl_set_set_u32(set.get(), NFTNL_SET_FAMILY, NFPROTO_INET);
  nftnl_set_set_str(set.get(), NFTNL_SET_TABLE, kTableName);
  nftnl_set_set_str(set.get(), NFTNL_SET_NAME, map.name.c_str());
  nftnl_set_set_u32(set.get(), NFTNL_SET_ID, id);
  nftnl_set_set_u32(set.get(), NFTNL_SET_KEY_TYPE, kTypeIfname);
  nftnl_set_set_u32(set.get(), NFTNL_SET_KEY_LEN, kInterfaceBytes);
  nftnl_set_set_u32(set.get(), NFTNL_SET_FLAGS, map.verdicts ? NFT_SET_MAP : 0);
  // Only so that nft(8) lists the names.
  constexpr std::array<std::uint8_t, 6> kHostByteOrder = {NFTNL_UDATA_SET_KEYBYTEORDER, 4, 1};
  nftnl_set_set_data(set.get(), NFTNL_SET_USERDATA, kHostByteOrder.data(), kHostByteOrder.size());
  if (map.verdicts) {
    nftnl_set_set_u32(set.get(), NFTNL_SET_DATA_TYPE, kTypeVerdict);
    nftnl_set_set_u32(set.get(), NFTNL_SET_DATA_LEN, 0);
  }
  return set;
}

SetPtr MakeElement(const Element& element) {
  SetPtr set(nftnl_set_alloc());
  nftnl_set_set_u32(set.get(), NFTNL_SET_FAMILY, NFPROTO_INET);
  nftnl_set_set_str(set.get(), NFTNL_SET_TABLE, kTableName);
  nftnl_set_set_str(set.get(), NFTNL_SET_NAME, element.map.c_str());
  if (element.interface.empty()) return set;
  char key[kInterfaceBytes] = {};
  element.interface.copy(key, sizeof key - 1);
  nftnl_set_elem* one = nftnl_set_elem_alloc();
  nftnl_set_elem_set(one, NFTNL_SET_ELEM_KEY, key, sizeof key);
  if (!element.chain.empty()) {
    nftnl_set_elem_set_u32(one, NFTNL_SET_ELEM_VERDICT, static_cast<std::uint32_t>(NFT_GOTO));
    nftnl_set_elem_set_str(one, NFTNL_SET_ELEM_CHAIN, element.chain.c_str());
  }
  nftnl_set_elem_add(set.get(), one);
  return set;
}

}  // namespace bulkhead::netpolicy
