// SPDX-License-Identifier: GPL-2.0-or-later
#include "netpolicy/nft_transaction.h"

#include <arpa/inet.h>
#include <libnftnl/common.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include <optional>

#include "netpolicy/nft_objects.h"
#include "netpolicy/ruleset_text.h"

namespace bulkhead::netpolicy {

namespace {

constexpr std::uint16_t NftType(std::uint16_t message) {
  return static_cast<std::uint16_t>(NFNL_SUBSYS_NFTABLES << 8 | message);
}

nlmsghdr* PutBatchMark(NetlinkMessage& message, std::uint16_t type, std::uint32_t sequence) {
  nlmsghdr* header = message.Start(type, 0);
  header->nlmsg_seq = sequence;
  auto* nfg = static_cast<nfgenmsg*>(mnl_nlmsg_put_extra_header(header, sizeof(nfgenmsg)));
  nfg->nfgen_family = AF_UNSPEC;
  nfg->version = NFNETLINK_V0;
  nfg->res_id = htons(NFNL_SUBSYS_NFTABLES);
  return header;
}

void AppendBytes(Bytes& to, ByteView bytes) { to.insert(to.end(), bytes.begin(), bytes.end()); }

}  // namespace

NftTransaction::NftTransaction(NetlinkSocket& socket, Generation expected) : socket_(socket) {
  begin_ = socket_.NextSequence();
  nlmsghdr* header = PutBatchMark(message_, NFNL_MSG_BATCH_BEGIN, begin_);
  // The kernel refuses the batch with ERESTART when its generation is another by now.
  mnl_attr_put_u32(header, NFNL_BATCH_GENID, htonl(expected));
  AppendBytes(batch_, message_.bytes());
}

nlmsghdr* NftTransaction::Start(std::uint16_t type, std::uint16_t flags, std::uint16_t protocol) {
  nlmsghdr* header = message_.Start(NftType(type), flags);
  last_ = header->nlmsg_seq = socket_.NextSequence();
  auto* nfg = static_cast<nfgenmsg*>(mnl_nlmsg_put_extra_header(header, sizeof(nfgenmsg)));
  nfg->nfgen_family = static_cast<std::uint8_t>(protocol);
  nfg->version = NFNETLINK_V0;
  return header;
}

void NftTransaction::Append(std::string what) {
  last_at_ = batch_.size();
  AppendBytes(batch_, message_.bytes());
  origins_[last_] = std::move(what);
}

void NftTransaction::MakeTables() {
  for (Family family : {Family::kInet, Family::kNetdev}) {
    TablePtr table = MakeTable(family);
    nftnl_table_nlmsg_build_payload(Start(NFT_MSG_NEWTABLE, NLM_F_CREATE, ProtocolOf(family)),
                                    table.get());
    Append("table");
  }
}

void NftTransaction::DeleteTables() {
  for (Family family : {Family::kInet, Family::kNetdev}) {
    TablePtr table = MakeTable(family);
    nftnl_table_unset(table.get(), NFTNL_TABLE_FLAGS);
    nftnl_table_nlmsg_build_payload(Start(NFT_MSG_DELTABLE, 0, ProtocolOf(family)), table.get());
    Append("table");
  }
}

void NftTransaction::MakeFrame(const RulesetFrame& frame) {
  MakeTables();
  for (const MapDeclaration& map : frame.maps) {
    SetPtr set = MakeSet(map, next_set_id_++);
    nftnl_set_nlmsg_build_payload(Start(NFT_MSG_NEWSET, NLM_F_CREATE, NFPROTO_INET), set.get());
    Append(map.name);
  }
  for (const Chain& chain : frame.chains) PutChain(chain);
}

void NftTransaction::PutChain(const Chain& chain) {
  std::uint16_t protocol = ProtocolOf(chain.family);
  ChainPtr made = MakeChain(chain.family, chain.name, chain.hook);
  nftnl_chain_nlmsg_build_payload(Start(NFT_MSG_NEWCHAIN, NLM_F_CREATE, protocol), made.get());
  Append("chain " + chain.name);
  RulePtr all = MakeRuleFilter(chain.family, chain.name);
  nftnl_rule_nlmsg_build_payload(Start(NFT_MSG_DELRULE, 0, protocol), all.get());
  Append("chain " + chain.name);
  AppendRules(chain);
}

void NftTransaction::AppendRules(const Chain& chain) {
  auto digest = ChainDigest(chain);
  for (std::size_t i = 0; i < chain.rules.size(); ++i) {
    RulePtr rule = MakeRule(chain, i, digest);
    nftnl_rule_nlmsg_build_payload(
        Start(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, ProtocolOf(chain.family)), rule.get());
    const std::string& origin = chain.rules[i].origin;
    Append(origin.empty() ? "chain " + chain.name : origin + " in chain " + chain.name);
  }
}

void NftTransaction::DeleteChain(Family family, const std::string& name) {
  std::uint16_t protocol = ProtocolOf(family);
  RulePtr all = MakeRuleFilter(family, name);
  nftnl_rule_nlmsg_build_payload(Start(NFT_MSG_DELRULE, 0, protocol), all.get());
  Append("chain " + name);
  ChainPtr chain = MakeChain(family, name, std::nullopt);
  nftnl_chain_nlmsg_build_payload(Start(NFT_MSG_DELCHAIN, 0, protocol), chain.get());
  Append("chain " + name);
}

void NftTransaction::PutElement(const Element& element) {
  SetPtr set = MakeElement(element);
  nftnl_set_elems_nlmsg_build_payload(Start(NFT_MSG_NEWSETELEM, NLM_F_CREATE, NFPROTO_INET),
                                      set.get());
  Append(element.interface + " in " + element.map);
}

void NftTransaction::DeleteElement(const Element& element) {
  SetPtr set = MakeElement(element);
  nftnl_set_elems_nlmsg_build_payload(Start(NFT_MSG_DELSETELEM, 0, NFPROTO_INET), set.get());
  Append(element.interface + " in " + element.map);
}

void NftTransaction::AppendEnd(std::uint16_t type) {
  PutBatchMark(message_, type, socket_.NextSequence());
  AppendBytes(batch_, message_.bytes());
}

Error NftTransaction::Judge(const nlmsghdr* error) const {
  int number = ErrnoOf(error);
  if (number == ERESTART) {
    return {ErrorCode::kConflict, "somebody changed the kernel's packet rules meanwhile", number};
  }
  auto origin = origins_.find(error->nlmsg_seq);
  std::string what = origin == origins_.end() ? "the change" : origin->second;
  Error refusal = KernelRefusal(error, "the kernel refused " + what).error();
  if (refusal.code == ErrorCode::kPermission && origin == origins_.end()) return refusal;
  if (number != EPERM && number != EACCES) refusal.code = ErrorCode::kInvalid;
  return refusal;
}

Status NftTransaction::Commit(NetlinkSocket::Clock::time_point until) {
  // The last message asks for an answer: it comes when the whole batch has been judged.
  reinterpret_cast<nlmsghdr*>(batch_.data() + last_at_)->nlmsg_flags |= NLM_F_ACK;
  AppendEnd(NFNL_MSG_BATCH_END);
  if (Status sent = socket_.Send(batch_); !sent) return sent;

  std::optional<Error> first;
  bool finished = false;
  while (!finished) {
    Status received = socket_.Receive(until, [&](const nlmsghdr* m) {
      if (m->nlmsg_type != NLMSG_ERROR || m->nlmsg_seq < begin_ || m->nlmsg_seq > last_) return;
      if (ErrnoOf(m) != 0 && !first) first = Judge(m);
      // An error of the batch as a whole is the only answer.
      if (m->nlmsg_seq == last_ || (m->nlmsg_seq == begin_ && first)) finished = true;
    });
    if (!received && received.error().code == ErrorCode::kTimeout) {
      return Fail(ErrorCode::kOutcomeUnknown,
                  "the kernel did not say in time whether it took the packet rules");
    }
    if (!received) return received;
  }
  if (first) return std::unexpected(*first);
  return {};
}

}  // namespace bulkhead::netpolicy
