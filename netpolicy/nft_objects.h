// SPDX-License-Identifier: GPL-2.0-or-later
/// Our values as libnftnl's objects, and what we keep in a rule's user data.
#pragma once

#include <libnftnl/chain.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>

#include <memory>

#include "netpolicy/ruleset.h"

namespace bulkhead::netpolicy {

struct NftFree {
  void operator()(nftnl_table* p) const { nftnl_table_free(p); }
  void operator()(nftnl_chain* p) const { nftnl_chain_free(p); }
  void operator()(nftnl_rule* p) const { nftnl_rule_free(p); }
  void operator()(nftnl_set* p) const { nftnl_set_free(p); }
};
using TablePtr = std::unique_ptr<nftnl_table, NftFree>;
using ChainPtr = std::unique_ptr<nftnl_chain, NftFree>;
using RulePtr = std::unique_ptr<nftnl_rule, NftFree>;
using SetPtr = std::unique_ptr<nftnl_set, NftFree>;

/// NFPROTO_INET or NFPROTO_NETDEV.
std::uint16_t ProtocolOf(Family family);

/// Place of a rule in its chain. Every rule carries it, so that a reader who does not know the
/// policy can tell whether a chain is whole and which content it has.
struct RuleTag {
  std::uint16_t index = 0;
  std::uint16_t count = 0;                ///< rules in the chain
  std::array<std::uint8_t, 16> digest{};  ///< ChainDigest()
  std::string origin;                     ///< shown by `nft list` as the rule's comment
};
Bytes EncodeTag(const RuleTag& tag);
/// False when it is no tag of ours.
bool DecodeTag(ByteView in, RuleTag& tag);

TablePtr MakeTable(Family family);
ChainPtr MakeChain(Family family, const std::string& name, const std::optional<Hook>& hook);
RulePtr MakeRule(const Chain& chain, std::size_t index, const std::array<std::uint8_t, 16>& digest);
/// All rules of a chain: for flushing and for reading.
RulePtr MakeRuleFilter(Family family, const std::string& chain);
SetPtr MakeSet(const MapDeclaration& map, std::uint32_t id);
/// The set's name and one element.
SetPtr MakeElement(const Element& element);

}  // namespace bulkhead::netpolicy
