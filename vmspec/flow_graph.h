// SPDX-License-Identifier: GPL-2.0-or-later
/// Everything that can carry information in a spec set, as a directed graph (I6, X2). Each edge
/// knows the line of the spec that makes it. Pure; a graph is a value that outlives its SpecSet.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vmspec/model.h"

namespace bulkhead::vmspec {

using NodeId = std::uint32_t;

enum class NodeKind : std::uint8_t {
  kLevel,
  kUplink,
  kDevice,     ///< [device.NAME]
  kPool,       ///< the devices of one class that nobody named: "any removable medium"
  kToken,      ///< the data objects of a PKCS#11 token
  kClipboard,  ///< what was copied in one level
};

struct FlowNode {
  NodeKind kind = NodeKind::kLevel;
  std::string name;  ///< of the level, uplink, device or token; a pool's class; whose clipboard
  std::optional<Label> label;  ///< always there for levels and uplinks whose label is known
  bool holds = true;           ///< what comes in may come out again
  Origin origin;

  /// "\"low\"", "uplink \"office\"", "any removable medium", "the clipboard of \"low\"".
  [[nodiscard]] std::string Title() const;
};

/// Closed: each has a sentence, a diagnostic code and a test.
enum class EdgeKind : std::uint8_t {
  kTransfer,      ///< in clear
  kDowngrade,     ///< declassifies: the information takes the label of `to`
  kEncrypt,       ///< what passes is sealed for the recipients' keys
  kDecrypt,       ///< in clear, and opens at `to` what is sealed for one of its keys at `from`
  kOpen,          ///< from == to: the level may use a key that opens what is sealed for it
  kService,       ///< a connection carries both ways: one edge each way
  kUplinkOut,     ///< level -> uplink
  kUplinkIn,      ///< uplink -> level
  kRoute,         ///< uplink -> uplink, one edge each way
  kSameNetwork,   ///< uplink -> uplink, one edge each way
  kDeviceOut,     ///< level -> device or pool
  kDeviceIn,      ///< device or pool -> level
  kTokenOut,      ///< level -> token
  kTokenIn,       ///< token -> level
  kClipboardOut,  ///< level -> its clipboard
  kClipboardIn,   ///< another level's clipboard -> level
};
inline constexpr std::size_t kEdgeKinds = 16;
/// "transfer", "uplink-out": for JSON.
std::string_view NameOf(EdgeKind kind);
std::string_view NameOf(NodeKind kind);

struct FlowEdge {
  NodeId from = 0;
  NodeId to = 0;
  std::uint32_t rule = 0;  ///< index of its FlowRule
  EdgeKind kind = EdgeKind::kTransfer;
  DeviceClass device_class = DeviceClass::kStorage;  ///< only of kDeviceOut and kDeviceIn
};

/// The field of the spec that makes an edge. One may make many edges.
struct FlowRule {
  Origin origin;
  std::string name;    ///< of the flow, service, key or interface; else ""
  std::string detail;  ///< quoted: the recipients, the reason, the keys; else ""
  /// What is sealed with it (kEncrypt), what it opens (kDecrypt, kOpen): identities of keys,
  /// sorted.
  std::vector<std::uint32_t> keys;
  bool any_key = false;  ///< kDecrypt with every key of the host
};

/// Nodes by name, edges by their start. What a dangling name refers to is left out: a set at fault
/// has a graph, too.
class FlowGraph {
 public:
  /// The edges that a graph has at most: of more, those to and from named devices are left out, and
  /// truncated() is true; such a set must be refused.
  static constexpr std::size_t kMaxEdges = 2'000'000;

  static FlowGraph Build(const SpecSet& spec);

  [[nodiscard]] std::span<const FlowNode> nodes() const { return nodes_; }
  [[nodiscard]] const FlowNode& node(NodeId id) const { return nodes_[id]; }
  /// In order of `from`, then `to`, then kind.
  [[nodiscard]] std::span<const FlowEdge> edges() const { return edges_; }
  [[nodiscard]] std::span<const FlowEdge> Out(NodeId id) const {
    return std::span(edges_).subspan(first_out_[id], first_out_[id + 1] - first_out_[id]);
  }
  [[nodiscard]] std::optional<NodeId> Find(NodeKind kind, std::string_view name) const;
  /// By name alone, as a person writes it: a level, else an uplink, a device, a token.
  [[nodiscard]] std::optional<NodeId> FindAny(std::string_view name) const;

  [[nodiscard]] const FlowRule& RuleOf(const FlowEdge& edge) const { return rules_[edge.rule]; }
  /// The place of the field that makes the edge.
  [[nodiscard]] const Origin& OriginOf(const FlowEdge& edge) const { return RuleOf(edge).origin; }
  /// "flow \"up\" carries files in clear from \"low\" to \"high\"": printable, on one line.
  [[nodiscard]] std::string Sentence(const FlowEdge& edge) const;

  /// `opener` (kDecrypt, kOpen) opens what `sealer` (kEncrypt) seals.
  [[nodiscard]] bool Opens(const FlowEdge& opener, const FlowEdge& sealer) const;
  [[nodiscard]] bool truncated() const { return truncated_; }

  /// The label of that node is not known (what is written of it is at fault): nothing is said of
  /// the node, it is no end of any way and no way leads through it.
  void Forget(NodeKind kind, std::string_view name);
  /// The same of every node of the kind.
  void ForgetAll(NodeKind kind);
  /// Information that arrives may go on under its own label: no label stops it, and it is held.
  [[nodiscard]] bool PassesThrough(NodeId id) const {
    return !nodes_[id].label && nodes_[id].holds && nodes_[id].kind != NodeKind::kLevel &&
           nodes_[id].kind != NodeKind::kUplink;
  }
  /// Ciphertext that arrives may go on.
  [[nodiscard]] bool CarriesOn(NodeId id) const {
    return nodes_[id].holds && (nodes_[id].label || PassesThrough(id));
  }

 private:
  friend class FlowGraphBuilder;
  static void Forget(FlowNode& node);

  std::vector<FlowNode> nodes_;
  std::vector<FlowEdge> edges_;
  std::vector<std::uint32_t> first_out_;
  std::vector<FlowRule> rules_;
  std::map<std::pair<NodeKind, std::string>, NodeId, std::less<>> ids_;
  bool truncated_ = false;
};

/// What a level gave it, a later borrower may get.
bool HoldsData(const KnownDevice& device);

/// What may leave a level for a device of the class, and come from one.
constexpr bool TakesInformation(DeviceClass c, const DevicePolicy& policy) {
  return (c == DeviceClass::kStorage && policy.write) || c == DeviceClass::kSound ||
         c == DeviceClass::kPrinter || c == DeviceClass::kUsb;
}
constexpr bool GivesInformation(DeviceClass c) {
  return c == DeviceClass::kStorage || c == DeviceClass::kMicrophone || c == DeviceClass::kCamera ||
         c == DeviceClass::kScanner || c == DeviceClass::kUsb;
}

}  // namespace bulkhead::vmspec
