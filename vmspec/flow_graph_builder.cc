// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/flow_graph_builder.h"

#include <algorithm>
#include <tuple>

#include "vmspec/did_you_mean.h"
#include "vmspec/faults.h"
#include "vmspec/network_identity.h"

namespace bulkhead::vmspec {

namespace {

EdgeKind KindOf(FlowKind kind) {
  switch (kind) {
    case FlowKind::kTransfer:
      return EdgeKind::kTransfer;
    case FlowKind::kEncrypt:
      return EdgeKind::kEncrypt;
    case FlowKind::kDecrypt:
      return EdgeKind::kDecrypt;
    case FlowKind::kDowngrade:
      return EdgeKind::kDowngrade;
  }
  return EdgeKind::kTransfer;  // the strictest
}

std::string QuotedList(const std::vector<std::string>& words) {
  std::string out;
  for (std::size_t i = 0; i < words.size() && i < 5; ++i) {
    out += (i == 0 ? "" : ", ") + Quoted(words[i]);
  }
  return words.size() > 5 ? out + " and others" : out;
}

/// What a flow seals, opens or excuses, in words.
std::string DetailOf(const Flow& flow) {
  switch (flow.kind) {
    case FlowKind::kEncrypt:
      return QuotedList(flow.recipients);
    case FlowKind::kDecrypt:
      return QuotedList(flow.decrypt_with);
    case FlowKind::kDowngrade:
      return Quoted(flow.reason);
    case FlowKind::kTransfer:
      break;
  }
  return {};
}

/// "RSA-X-509", "CKM_RSA_X_509", "rsa-x509": without padding, signing is decrypting.
bool IsRawRsa(const std::string& mechanism) {
  std::string plain;
  for (char c : mechanism) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    if ((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) plain += c;
  }
  return plain.find("RSAX509") != plain.npos;
}

/// Whether the operations amount to reading what is sealed for the key: an elliptic curve's key
/// does so by deriving, and a raw RSA signature is a decryption.
bool CanOpen(const KeyUse& use) {
  bool raw = std::ranges::any_of(use.mechanisms, IsRawRsa);
  return std::ranges::any_of(use.operations, [&](KeyOperation operation) {
    return operation == KeyOperation::kDecrypt || operation == KeyOperation::kUnwrap ||
           operation == KeyOperation::kDerive || (operation == KeyOperation::kSign && raw);
  });
}

bool Contains(const std::vector<std::string>& list, const std::string& word) {
  return std::ranges::find(list, word) != list.end();
}

}  // namespace

NodeId FlowGraphBuilder::Node(NodeKind kind, const std::string& name,
                              const std::optional<Label>& label, bool holds, const Origin& origin) {
  auto [place, is_new] =
      graph_.ids_.try_emplace({kind, name}, static_cast<NodeId>(graph_.nodes_.size()));
  if (is_new) graph_.nodes_.push_back({kind, name, label, holds, origin});
  return place->second;
}

std::uint32_t FlowGraphBuilder::Rule(FlowRule rule) {
  graph_.rules_.push_back(std::move(rule));
  return static_cast<std::uint32_t>(graph_.rules_.size() - 1);
}

void FlowGraphBuilder::Edge(NodeId from, NodeId to, EdgeKind kind, std::uint32_t rule,
                            DeviceClass device_class) {
  if (graph_.edges_.size() >= FlowGraph::kMaxEdges) {
    graph_.truncated_ = true;
    return;
  }
  graph_.edges_.push_back({from, to, rule, kind, device_class});
}

void FlowGraphBuilder::AddNodes() {
  for (const auto& [name, level] : spec_.levels) {
    level_ids_[&level] = Node(NodeKind::kLevel, name, level.label, true, level.origin);
  }
  policy_rules_.resize(level_ids_.size());
  for (auto& rules : policy_rules_) rules.fill(kNoRule);
  for (const auto& [name, uplink] : spec_.uplinks) {
    Node(NodeKind::kUplink, name, uplink.label, true, uplink.origin);
  }
  for (const auto& [name, device] : spec_.devices) {
    Node(NodeKind::kDevice, name, device.label, HoldsData(device), device.origin);
  }
}

void FlowGraphBuilder::AddFlow(const Flow& flow) {
  auto from = Find(NodeKind::kLevel, flow.from);
  auto to = Find(NodeKind::kLevel, flow.to);
  if (!from || !to || *from == *to) return;
  FlowRule rule{flow.origin, flow.name, DetailOf(flow), {}};
  if (flow.kind == FlowKind::kEncrypt) rule.keys = keys_.OfRecipients(flow.recipients);
  if (flow.kind == FlowKind::kDecrypt) {
    rule.keys = keys_.OfKeys(flow.decrypt_with);
    rule.any_key = flow.decrypt_with.empty();
  }
  Edge(*from, *to, KindOf(flow.kind), Rule(std::move(rule)));
}

void FlowGraphBuilder::AddServices() {
  for (const auto& [name, service] : spec_.services) {
    auto from = Find(NodeKind::kLevel, service.from);
    auto to = Find(NodeKind::kLevel, service.to);
    if (!from || !to || *from == *to) continue;
    std::uint32_t rule = Rule({service.origin, name, {}, {}});
    Edge(*from, *to, EdgeKind::kService, rule);
    Edge(*to, *from, EdgeKind::kService, rule);
  }
}

/// Without an allow rule nothing leaves and, since only answers come in, nothing enters.
void FlowGraphBuilder::AddLevelUplink(const Level& level, NodeId id) {
  auto uplink = Find(NodeKind::kUplink, level.network.uplink);
  if (!uplink || level.network.allow.empty()) return;
  std::uint32_t rule = Rule({level.network.origin, {}, {}, {}});
  Edge(id, *uplink, EdgeKind::kUplinkOut, rule);
  Edge(*uplink, id, EdgeKind::kUplinkIn, rule);
}

/// Each with the first of its network.
void FlowGraphBuilder::AddSameNetworks() {
  std::map<std::string, NodeId> first_of;
  for (const auto& [name, uplink] : spec_.uplinks) {
    std::string network = NetworkOf(uplink);
    if (network.empty()) continue;
    NodeId id = *Find(NodeKind::kUplink, name);
    auto [first, is_new] = first_of.emplace(network, id);
    if (is_new) continue;
    std::uint32_t rule = Rule({uplink.origin, network, {}, {}});
    Edge(first->second, id, EdgeKind::kSameNetwork, rule);
    Edge(id, first->second, EdgeKind::kSameNetwork, rule);
  }
}

void FlowGraphBuilder::AddUplinks() {
  for (const auto& [name, uplink] : spec_.uplinks) {
    NodeId id = *Find(NodeKind::kUplink, name);
    for (const std::string& other : uplink.routes_to) {
      auto to = Find(NodeKind::kUplink, other);
      if (!to || *to == id) continue;
      std::uint32_t rule = Rule({uplink.routes_origin, {}, {}, {}});
      Edge(id, *to, EdgeKind::kRoute, rule);
      Edge(*to, id, EdgeKind::kRoute, rule);
    }
  }
  AddSameNetworks();
}

void FlowGraphBuilder::AddKeyUse(const KeyUse& use, NodeId level) {
  auto key = spec_.keys.find(use.key);
  if (key == spec_.keys.end()) return;
  FlowRule rule{use.origin, use.key, {}, keys_.OfKeys({use.key})};
  std::uint32_t index = Rule(std::move(rule));
  auto may = [&](KeyOperation operation) { return use.operations.contains(operation); };
  if (CanOpen(use)) Edge(level, level, EdgeKind::kOpen, index);
  if (!may(KeyOperation::kReadData) && !may(KeyOperation::kWriteData)) return;
  NodeId token = Node(NodeKind::kToken, key->second.token, std::nullopt, true, key->second.origin);
  if (may(KeyOperation::kWriteData)) Edge(level, token, EdgeKind::kTokenOut, index);
  if (may(KeyOperation::kReadData)) Edge(token, level, EdgeKind::kTokenIn, index);
}

void FlowGraphBuilder::AddClipboard(const Level& level, NodeId id) {
  const Display& display = level.display;
  if (display.clipboard_out.empty()) return;
  NodeId clipboard =
      Node(NodeKind::kClipboard, level.name, std::nullopt, true, display.clipboard_out_origin);
  Edge(id, clipboard, EdgeKind::kClipboardOut, Rule({display.clipboard_out_origin, {}, {}, {}}));
  for (const std::string& name :
       std::set(display.clipboard_out.begin(), display.clipboard_out.end())) {
    auto other = spec_.levels.find(name);
    if (other == spec_.levels.end() || name == level.name) continue;
    const Display& there = other->second.display;
    if (!Contains(there.clipboard_in, level.name)) continue;
    Edge(clipboard, *Find(NodeKind::kLevel, name), EdgeKind::kClipboardIn,
         Rule({there.clipboard_in_origin, {}, {}, {}}));
  }
}

void FlowGraphBuilder::AddDevice(const Level& level, NodeId id, DeviceClass device_class,
                                 NodeId device) {
  const DevicePolicy& policy = level.Device(device_class);
  bool out = TakesInformation(device_class, policy);
  bool in = GivesInformation(device_class);
  if (!out && !in) return;
  std::uint32_t& rule = policy_rules_[id][static_cast<std::size_t>(device_class)];
  if (rule == kNoRule) rule = Rule({policy.origin, {}, {}, {}});
  if (out) Edge(id, device, EdgeKind::kDeviceOut, rule, device_class);
  if (in) Edge(device, id, EdgeKind::kDeviceIn, rule, device_class);
}

void FlowGraphBuilder::AddPool(DeviceClass c) {
  std::string name(NameOf(c));
  bool holds = c == DeviceClass::kStorage || c == DeviceClass::kUsb;
  for (const auto& [level_name, level] : spec_.levels) {
    bool carries = TakesInformation(c, level.Device(c)) || GivesInformation(c);
    if (!carries || !touch_.Pool(level, c)) continue;
    NodeId pool = Node(NodeKind::kPool, name, std::nullopt, holds, {});
    AddDevice(level, *Find(NodeKind::kLevel, level_name), c, pool);
  }
}

void FlowGraphBuilder::AddNamed(const KnownDevice& device) {
  NodeId id = *Find(NodeKind::kDevice, device.name);
  for (DeviceClass c : device.classes) {
    if (c == DeviceClass::kSmartcard || c == DeviceClass::kFido) continue;  // no edges
    for (const Level* level : touch_.Borrowers(c, device)) {
      AddDevice(*level, level_ids_.at(level), c, id);
      if (graph_.truncated_) return;
    }
  }
}

void FlowGraphBuilder::AddDevices() {
  for (std::size_t c = 0; c < kDeviceClassNames.size(); ++c) AddPool(DeviceClass(c));
  graph_.truncated_ = graph_.truncated_ || !touch_.complete();
  for (const auto& [name, device] : spec_.devices) {
    if (graph_.truncated_) return;
    AddNamed(device);
  }
}

void FlowGraphBuilder::Sort() {
  std::ranges::sort(graph_.edges_, {}, [](const FlowEdge& e) {
    return std::tuple(e.from, e.to, e.kind, e.device_class, e.rule);
  });
  graph_.first_out_.assign(graph_.nodes_.size() + 1, 0);
  for (const FlowEdge& e : graph_.edges_) ++graph_.first_out_[e.from + 1];
  for (std::size_t i = 1; i < graph_.first_out_.size(); ++i) {
    graph_.first_out_[i] += graph_.first_out_[i - 1];
  }
}

FlowGraph FlowGraphBuilder::Take() {
  AddNodes();
  for (const auto& [name, flow] : spec_.flows) AddFlow(flow);
  AddServices();
  AddUplinks();
  for (const auto& [name, level] : spec_.levels) {
    NodeId id = *Find(NodeKind::kLevel, name);
    AddLevelUplink(level, id);
    AddClipboard(level, id);
    for (const KeyUse& use : level.keys) AddKeyUse(use, id);
  }
  AddDevices();
  Sort();
  return std::move(graph_);
}

FlowGraph FlowGraph::Build(const SpecSet& spec) { return FlowGraphBuilder(spec).Take(); }

}  // namespace bulkhead::vmspec
