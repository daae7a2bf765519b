// SPDX-License-Identifier: GPL-2.0-or-later
/// Spec sets as values, for the tests of the information flow: each thing that is added gets a line
/// of its own, so that a path can be told by its lines.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "vmspec/flow_check.h"
#include "vmspec/flow_report.h"
#include "vmspec/model.h"

namespace bulkhead::vmspec {

class SetMaker {
 public:
  SpecSet spec;

  Level& AddLevel(const std::string& name, int rank, std::set<std::string> compartments = {}) {
    Level level;
    level.name = name;
    level.label = {rank, std::move(compartments)};
    level.origin = Next("levels/" + name + ".toml");
    return spec.levels.emplace(name, std::move(level)).first->second;
  }
  Flow& AddFlow(FlowKind kind, const std::string& from, const std::string& to) {
    Flow flow;
    flow.name = "f" + std::to_string(spec.flows.size());
    flow.from = from;
    flow.to = to;
    flow.kind = kind;
    flow.origin = Next("flows.toml");
    return spec.flows.emplace(flow.name, std::move(flow)).first->second;
  }
  Flow& AddSealed(const std::string& from, const std::string& to, const std::string& recipient) {
    Flow& flow = AddFlow(FlowKind::kEncrypt, from, to);
    flow.recipients = {recipient};
    return flow;
  }
  /// A key of token "t" and a recipient of the same name who has it.
  void AddKey(const std::string& name, const std::string& token = "t") {
    spec.keys[name] = {name, token, name, "", Next("host.toml")};
    spec.recipients[name] = {name, "sha256:" + name, name, Next("flows.toml")};
  }
  void Use(const std::string& level, const std::string& key, std::set<KeyOperation> operations) {
    KeyUse use;
    use.key = key;
    use.operations = std::move(operations);
    use.origin = Next("levels/" + level + ".toml");
    spec.levels.at(level).keys.push_back(std::move(use));
  }
  Uplink& AddUplink(const std::string& name, int rank, const std::string& interface) {
    Uplink uplink;
    uplink.name = name;
    uplink.interface = interface;
    uplink.label.rank = rank;
    uplink.origin = Next("networks.toml");
    uplink.routes_origin = Next("networks.toml");
    return spec.uplinks.emplace(name, std::move(uplink)).first->second;
  }
  void Attach(const std::string& level, const std::string& uplink, bool allow = true) {
    LevelNetwork& network = spec.levels.at(level).network;
    network.uplink = uplink;
    network.origin = Next("levels/" + level + ".toml");
    if (allow) network.allow.emplace_back();
  }
  void AddService(const std::string& from, const std::string& to) {
    Service service;
    service.name = "s" + std::to_string(spec.services.size());
    service.from = from;
    service.to = to;
    service.origin = Next("networks.toml");
    spec.services.emplace(service.name, std::move(service));
  }
  DevicePolicy& Lend(const std::string& level, DeviceClass device_class, bool write = false) {
    DevicePolicy& policy = spec.levels.at(level).Device(device_class);
    policy.mode = GrantMode::kManual;
    policy.write = write;
    policy.origin = Next("levels/" + level + ".toml");
    return policy;
  }
  KnownDevice& AddDevice(const std::string& name, std::set<DeviceClass> classes) {
    KnownDevice device;
    device.name = name;
    device.classes = std::move(classes);
    device.serial = name;
    device.origin = Next("devices.toml");
    return spec.devices.emplace(name, std::move(device)).first->second;
  }
  DeviceRule& AddRule(bool deny, const std::string& level, const std::string& device_class) {
    DeviceRule rule;
    rule.deny = deny;
    rule.level = level;
    rule.device_class = device_class;
    rule.origin = Next("devices.toml");
    return spec.device_rules.emplace_back(std::move(rule));
  }
  void Paste(const std::string& from, const std::string& to) {
    spec.levels.at(from).display.clipboard_out.push_back(to);
    spec.levels.at(from).display.clipboard_out_origin = Next("levels/" + from + ".toml");
    spec.levels.at(to).display.clipboard_in.push_back(from);
    spec.levels.at(to).display.clipboard_in_origin = Next("levels/" + to + ".toml");
  }

  [[nodiscard]] FlowGraph Graph() const { return FlowGraph::Build(spec); }
  /// "uplink-out low -> uplink \"office\"; ..." in the graph's order.
  [[nodiscard]] std::string Edges() const {
    std::string out;
    FlowGraph graph = Graph();
    for (const FlowEdge& edge : graph.edges()) {
      out += (out.empty() ? "" : "; ") + std::string(NameOf(edge.kind)) + " " +
             graph.node(edge.from).Title() + " -> " + graph.node(edge.to).Title();
    }
    return out;
  }
  /// "B0302 high -> low (device-out device-in)": names without kind, in the verdict's order.
  [[nodiscard]] std::string Violations() const {
    std::string out;
    FlowGraph graph = Graph();
    Verdict verdict = FindViolations(graph);
    for (const Violation& v : verdict.violations) {
      std::string way;
      for (const FlowEdge& edge : v.path) {
        way += (way.empty() ? "" : " ") + std::string(NameOf(edge.kind));
      }
      out += (out.empty() ? "" : "; ") + std::string(CodeOf(graph, v)) + " " +
             graph.node(v.from).name + " -> " + graph.node(v.to).name + " (" + way + ")";
    }
    return verdict.complete ? out : out + " and more";
  }

 private:
  Origin Next(const std::string& file) { return {file, ++line_, 1, 1}; }
  std::uint32_t line_ = 0;
};

/// "high" (rank 2) and "low" (rank 0), and nothing between them.
inline SetMaker HighAndLow() {
  SetMaker set;
  set.AddLevel("high", 2);
  set.AddLevel("low", 0);
  return set;
}

}  // namespace bulkhead::vmspec
