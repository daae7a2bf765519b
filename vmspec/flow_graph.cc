// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/flow_graph.h"

#include <algorithm>
#include <array>

#include "vmspec/faults.h"

namespace bulkhead::vmspec {

namespace {

/// In the order of enum EdgeKind.
constexpr std::array<std::string_view, kEdgeKinds> kEdgeNames = {
    "transfer",   "downgrade", "encrypt",       "decrypt",      "open",       "service",
    "uplink-out", "uplink-in", "route",         "same-network", "device-out", "device-in",
    "token-out",  "token-in",  "clipboard-out", "clipboard-in"};
constexpr std::array<std::string_view, 6> kNodeNames = {"level", "uplink", "device",
                                                        "pool",  "token",  "clipboard"};
/// In the order of enum DeviceClass: the devices that nobody named.
constexpr std::array<std::string_view, kDeviceClassNames.size()> kPoolTitles = {
    "any removable medium", "any sound device", "any microphone",
    "any camera",           "any smartcard",    "any FIDO token",
    "any printer",          "any scanner",      "any other USB device"};
constexpr std::array<std::string_view, kDeviceClassNames.size()> kOutVerbs = {
    "may write", "may play on",  "may write", "may write", "may write",
    "may write", "may print on", "may write", "may write"};
constexpr std::array<std::string_view, kDeviceClassNames.size()> kInVerbs = {
    "may read", "may read", "may listen to", "may look through", "may read",
    "may read", "may read", "may scan with", "may read"};

std::string PoolTitle(std::string_view name) {
  auto at = std::ranges::find(kDeviceClassNames, name);
  if (at == kDeviceClassNames.end()) return "any device";
  return std::string(kPoolTitles[static_cast<std::size_t>(at - kDeviceClassNames.begin())]);
}

}  // namespace

bool HoldsData(const KnownDevice& device) {
  return device.keeps_data || device.classes.contains(DeviceClass::kStorage) ||
         device.classes.contains(DeviceClass::kUsb);
}

std::string_view NameOf(EdgeKind kind) { return kEdgeNames[static_cast<std::size_t>(kind)]; }
std::string_view NameOf(NodeKind kind) { return kNodeNames[static_cast<std::size_t>(kind)]; }

std::string FlowNode::Title() const {
  switch (kind) {
    case NodeKind::kLevel:
      return Quoted(name);
    case NodeKind::kUplink:
      return "uplink " + Quoted(name);
    case NodeKind::kDevice:
      return "device " + Quoted(name);
    case NodeKind::kPool:
      return PoolTitle(name);
    case NodeKind::kToken:
      return "token " + Quoted(name);
    case NodeKind::kClipboard:
      return "the clipboard of " + Quoted(name);
  }
  return Quoted(name);
}

std::string FlowGraph::Sentence(const FlowEdge& edge) const {
  const FlowRule& rule = RuleOf(edge);
  std::string from = node(edge.from).Title();
  std::string to = node(edge.to).Title();
  std::string way = " from " + from + " to " + to;
  std::string flow = "flow " + Quoted(rule.name);
  auto device_class = static_cast<std::size_t>(edge.device_class);
  switch (edge.kind) {
    case EdgeKind::kTransfer:
      return flow + " carries files in clear" + way;
    case EdgeKind::kDowngrade:
      return flow + " downgrades files" + way + ": " + rule.detail;
    case EdgeKind::kEncrypt:
      return flow + " carries ciphertext for " + rule.detail + way;
    case EdgeKind::kDecrypt:
      return flow + " carries files" + way + ", opened with " +
             (rule.any_key ? "any key" : rule.detail);
    case EdgeKind::kOpen:
      return from + " may open what is sealed for key " + Quoted(rule.name);
    case EdgeKind::kService:
      return "connections of service " + Quoted(rule.name) + " carry information" + way;
    case EdgeKind::kUplinkOut:
      return from + " may send to " + to;
    case EdgeKind::kUplinkIn:
      return to + " may receive from " + from;
    case EdgeKind::kRoute:
      return "packets are routed" + way;
    case EdgeKind::kSameNetwork:
      return from + " and " + to + " are one network: both are " + rule.name;
    case EdgeKind::kDeviceOut:
      return from + " " + std::string(kOutVerbs[device_class]) + " " + to;
    case EdgeKind::kDeviceIn:
      return to + " " + std::string(kInVerbs[device_class]) + " " + from;
    case EdgeKind::kTokenOut:
      return from + " may write data objects of " + to;
    case EdgeKind::kTokenIn:
      return to + " may read data objects of " + from;
    case EdgeKind::kClipboardOut:
      return "text may be copied in " + from + " for other levels";
    case EdgeKind::kClipboardIn:
      return "text from " + from + " may be pasted in " + to;
  }
  return way;
}

std::optional<NodeId> FlowGraph::Find(NodeKind kind, std::string_view name) const {
  auto found = ids_.find(std::pair(kind, std::string(name)));
  if (found == ids_.end()) return std::nullopt;
  return found->second;
}

std::optional<NodeId> FlowGraph::FindAny(std::string_view name) const {
  for (NodeKind kind : {NodeKind::kLevel, NodeKind::kUplink, NodeKind::kDevice, NodeKind::kToken}) {
    if (auto id = Find(kind, name)) return id;
  }
  return std::nullopt;
}

bool FlowGraph::Opens(const FlowEdge& opener, const FlowEdge& sealer) const {
  const FlowRule& with = RuleOf(opener);
  const std::vector<std::uint32_t>& sealed = RuleOf(sealer).keys;
  if (with.any_key) return !sealed.empty();
  return std::ranges::any_of(
      with.keys, [&](std::uint32_t key) { return std::ranges::binary_search(sealed, key); });
}

/// A device without a label passes on what it holds: this one must not.
void FlowGraph::Forget(FlowNode& node) {
  node.label.reset();
  node.holds = false;
}

void FlowGraph::Forget(NodeKind kind, std::string_view name) {
  if (auto id = Find(kind, name)) Forget(nodes_[*id]);
}

void FlowGraph::ForgetAll(NodeKind kind) {
  for (FlowNode& node : nodes_) {
    if (node.kind == kind) Forget(node);
  }
}

}  // namespace bulkhead::vmspec
