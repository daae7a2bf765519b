// SPDX-License-Identifier: GPL-2.0-or-later
#include "netpolicy/nft_reader.h"

#include <arpa/inet.h>
#include <libnftnl/expr.h>
#include <libnftnl/gen.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include <algorithm>
#include <cstring>

namespace bulkhead::netpolicy {

namespace {

/// "Not there" is an answer, not an error.
bool IsAbsent(const Status& status) { return !status && status.error().sys_errno == ENOENT; }

int TakeCounter(nftnl_expr* expression, void* data) {
  auto* rule = static_cast<ReadRule*>(data);
  if (std::strcmp(nftnl_expr_get_str(expression, NFTNL_EXPR_NAME), "counter") == 0) {
    rule->packets = nftnl_expr_get_u64(expression, NFTNL_EXPR_CTR_PACKETS);
    rule->bytes = nftnl_expr_get_u64(expression, NFTNL_EXPR_CTR_BYTES);
  }
  return 0;
}

void TakeRule(const nlmsghdr* message, ReadChains& chains) {
  RulePtr rule(nftnl_rule_alloc());
  if (nftnl_rule_nlmsg_parse(message, rule.get()) < 0) return;
  ReadRule out;
  std::uint32_t size = 0;
  auto* tag =
      static_cast<const std::uint8_t*>(nftnl_rule_get_data(rule.get(), NFTNL_RULE_USERDATA, &size));
  out.tagged = tag != nullptr && DecodeTag(ByteView(tag, size), out.tag);
  nftnl_expr_foreach(rule.get(), TakeCounter, &out);
  chains[nftnl_rule_get_str(rule.get(), NFTNL_RULE_CHAIN)].push_back(std::move(out));
}

/// The first device: newer kernels report a list, older ones a name.
std::string DeviceOf(const nftnl_chain* chain) {
  if (nftnl_chain_is_set(chain, NFTNL_CHAIN_DEV)) {
    return nftnl_chain_get_str(chain, NFTNL_CHAIN_DEV);
  }
  const char* const* devices = nftnl_chain_get_array(chain, NFTNL_CHAIN_DEVICES);
  return devices != nullptr && devices[0] != nullptr ? devices[0] : "";
}

void TakeChain(const nlmsghdr* message, std::map<std::string, std::string>& out) {
  ChainPtr chain(nftnl_chain_alloc());
  if (nftnl_chain_nlmsg_parse(message, chain.get()) < 0) return;
  // A dump is of all tables of the family.
  if (std::strcmp(nftnl_chain_get_str(chain.get(), NFTNL_CHAIN_TABLE), kTableName) != 0) return;
  out[nftnl_chain_get_str(chain.get(), NFTNL_CHAIN_NAME)] = DeviceOf(chain.get());
}

std::string ChainOfVerdict(nftnl_set_elem* element) {
  if (!nftnl_set_elem_is_set(element, NFTNL_SET_ELEM_CHAIN)) return {};
  bool is_goto = nftnl_set_elem_get_u32(element, NFTNL_SET_ELEM_VERDICT) ==
                 static_cast<std::uint32_t>(NFT_GOTO);
  return is_goto ? nftnl_set_elem_get_str(element, NFTNL_SET_ELEM_CHAIN) : "";
}

void TakeElements(const nlmsghdr* message, const std::string& map, std::vector<Element>& out) {
  SetPtr set(nftnl_set_alloc());
  if (nftnl_set_elems_nlmsg_parse(message, set.get()) < 0) return;
  std::unique_ptr<nftnl_set_elems_iter, decltype(&nftnl_set_elems_iter_destroy)> iterator(
      nftnl_set_elems_iter_create(set.get()), nftnl_set_elems_iter_destroy);
  while (nftnl_set_elem* element = nftnl_set_elems_iter_next(iterator.get())) {
    std::uint32_t size = 0;
    auto* key = static_cast<const char*>(nftnl_set_elem_get(element, NFTNL_SET_ELEM_KEY, &size));
    if (key == nullptr) continue;
    out.push_back({map, std::string(key, strnlen(key, size)), ChainOfVerdict(element)});
  }
}

}  // namespace

bool IsComplete(const std::vector<ReadRule>& rules) {
  return !rules.empty() && IsComplete(rules, rules.front().tag.digest);
}

bool IsComplete(const std::vector<ReadRule>& rules, const std::array<std::uint8_t, 16>& digest) {
  for (std::size_t i = 0; i < rules.size(); ++i) {
    const ReadRule& rule = rules[i];
    if (!rule.tagged || rule.tag.index != i || rule.tag.count != rules.size() ||
        rule.tag.digest != digest) {
      return false;
    }
  }
  return !rules.empty();
}

nlmsghdr* NftReader::Start(std::uint16_t type, std::uint16_t flags, std::uint16_t protocol) {
  nlmsghdr* header =
      message_.Start(static_cast<std::uint16_t>(NFNL_SUBSYS_NFTABLES << 8 | type), flags);
  auto* nfg = static_cast<nfgenmsg*>(mnl_nlmsg_put_extra_header(header, sizeof(nfgenmsg)));
  nfg->nfgen_family = static_cast<std::uint8_t>(protocol);
  nfg->version = NFNETLINK_V0;
  return header;
}

Status NftReader::Ask(const NetlinkSocket::OnMessage& each) {
  Status status = socket_.Request(message_, until_, each);
  return IsAbsent(status) ? Status{} : status;
}

Result<Generation> NftReader::ReadGeneration() {
  Start(NFT_MSG_GETGEN, 0, AF_UNSPEC);
  std::optional<Generation> out;
  Status status = socket_.Request(message_, until_, [&](const nlmsghdr* m) {
    std::unique_ptr<nftnl_gen, decltype(&nftnl_gen_free)> gen(nftnl_gen_alloc(), nftnl_gen_free);
    if (nftnl_gen_nlmsg_parse(m, gen.get()) < 0) return;
    out = nftnl_gen_get_u32(gen.get(), NFTNL_GEN_ID);
  });
  if (!status) return Propagate(status, "read the generation of the packet rules");
  if (!out) return Fail(ErrorCode::kCorrupt, "the kernel named no generation of its packet rules");
  return *out;
}

Result<bool> NftReader::HasTable(Family family) {
  TablePtr table = MakeTable(family);
  nftnl_table_unset(table.get(), NFTNL_TABLE_FLAGS);
  nftnl_table_nlmsg_build_payload(Start(NFT_MSG_GETTABLE, 0, ProtocolOf(family)), table.get());
  bool active = false;
  Status status = Ask([&](const nlmsghdr* m) {
    TablePtr found(nftnl_table_alloc());
    if (nftnl_table_nlmsg_parse(m, found.get()) < 0) return;
    active = !(nftnl_table_get_u32(found.get(), NFTNL_TABLE_FLAGS) & NFT_TABLE_F_DORMANT);
  });
  if (!status) return Propagate(status, "read table bulkhead");
  return active;
}

Result<ReadChains> NftReader::ReadRules(Family family, const std::string& chain) {
  RulePtr filter = MakeRuleFilter(family, chain);
  if (chain.empty()) nftnl_rule_unset(filter.get(), NFTNL_RULE_CHAIN);
  nftnl_rule_nlmsg_build_payload(Start(NFT_MSG_GETRULE, NLM_F_DUMP, ProtocolOf(family)),
                                 filter.get());
  ReadChains out;
  Status status = Ask([&](const nlmsghdr* m) { TakeRule(m, out); });
  if (!status) return Propagate(status, "read the packet rules");
  return out;
}

Result<std::map<std::string, std::string>> NftReader::ReadChainDevices(Family family) {
  Start(NFT_MSG_GETCHAIN, NLM_F_DUMP, ProtocolOf(family));
  std::map<std::string, std::string> out;
  Status status = Ask([&](const nlmsghdr* m) { TakeChain(m, out); });
  if (!status) return Propagate(status, "read the chains of the packet rules");
  return out;
}

Result<std::optional<std::string>> NftReader::ReadChainDevice(Family family,
                                                              const std::string& chain) {
  ChainPtr wanted = MakeChain(family, chain, std::nullopt);
  nftnl_chain_nlmsg_build_payload(Start(NFT_MSG_GETCHAIN, 0, ProtocolOf(family)), wanted.get());
  std::map<std::string, std::string> found;
  Status status = Ask([&](const nlmsghdr* m) { TakeChain(m, found); });
  if (!status) return Propagate(status, "read chain " + chain);
  if (found.empty()) return std::nullopt;
  return std::optional(found.begin()->second);
}

Result<std::vector<Element>> NftReader::ReadElements(const std::string& map) {
  SetPtr set = MakeElement({map, "", ""});
  nftnl_set_elems_nlmsg_build_payload(Start(NFT_MSG_GETSETELEM, NLM_F_DUMP, NFPROTO_INET),
                                      set.get());
  std::vector<Element> out;
  Status status = Ask([&](const nlmsghdr* m) { TakeElements(m, map, out); });
  if (!status) return Propagate(status, "read map " + map);
  return out;
}

Result<std::optional<Element>> NftReader::ReadElement(const std::string& map,
                                                      const std::string& interface) {
  SetPtr set = MakeElement({map, interface, ""});
  nftnl_set_elems_nlmsg_build_payload(Start(NFT_MSG_GETSETELEM, 0, NFPROTO_INET), set.get());
  std::vector<Element> found;
  Status status = Ask([&](const nlmsghdr* m) { TakeElements(m, map, found); });
  if (!status) return Propagate(status, "read map " + map);
  if (found.empty()) return std::nullopt;
  return std::optional(found.front());
}

}  // namespace bulkhead::netpolicy
