// SPDX-License-Identifier: GPL-2.0-or-later
/// From a SpecSet to its FlowGraph. One function for each field that carries information.
#pragma once

#include <array>
#include <string>
#include <unordered_map>
#include <vector>

#include "vmspec/device_touch.h"
#include "vmspec/flow_graph.h"
#include "vmspec/key_identity.h"

namespace bulkhead::vmspec {

class FlowGraphBuilder {
 public:
  explicit FlowGraphBuilder(const SpecSet& spec) : spec_(spec), keys_(spec), touch_(spec) {}
  FlowGraph Take();

 private:
  NodeId Node(NodeKind kind, const std::string& name, const std::optional<Label>& label, bool holds,
              const Origin& origin);
  std::optional<NodeId> Find(NodeKind kind, const std::string& name) const {
    return graph_.Find(kind, name);
  }
  std::uint32_t Rule(FlowRule rule);
  void Edge(NodeId from, NodeId to, EdgeKind kind, std::uint32_t rule,
            DeviceClass device_class = DeviceClass::kStorage);

  void AddNodes();
  void AddFlow(const Flow& flow);
  void AddServices();
  void AddUplinks();
  void AddLevelUplink(const Level& level, NodeId id);
  void AddSameNetworks();
  void AddKeyUse(const KeyUse& use, NodeId level);
  void AddClipboard(const Level& level, NodeId id);
  void AddDevices();
  void AddNamed(const KnownDevice& device);
  void AddPool(DeviceClass device_class);
  void AddDevice(const Level& level, NodeId id, DeviceClass device_class, NodeId device);
  void Sort();

  const SpecSet& spec_;
  KeyIdentity keys_;
  DeviceTouch touch_;
  FlowGraph graph_;
  std::unordered_map<const Level*, NodeId> level_ids_;
  static constexpr std::uint32_t kNoRule = UINT32_MAX;
  /// Of each level's device policies, each made when it is first needed. Levels are the first
  /// nodes.
  std::vector<std::array<std::uint32_t, kDeviceClassNames.size()>> policy_rules_;
};

}  // namespace bulkhead::vmspec
