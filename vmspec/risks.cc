// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/risks.h"

#include <algorithm>
#include <array>
#include <map>

#include "vmspec/faults.h"

namespace bulkhead::vmspec {

namespace {

using Names = std::set<std::string>;

constexpr std::array<std::string_view, 10> kRiskNames = {
    "cpu",  "memory", "disk",       "acoustic",   "camera",
    "fido", "key",    "print-tray", "ciphertext", "flow-back"};

constexpr char kCpuText[] =
    "levels share cores and caches: one can time what another computes. Run levels that must not "
    "learn of each other at different times, or on different machines";
constexpr char kMemoryText[] =
    "levels share memory banks and their bus: one can time, and in faulty memory disturb, what "
    "another reads. Use memory with error correction";
constexpr char kDiskText[] =
    "levels share the disk with the state of all: one can time how busy another is. Limits of "
    "io-read and io-write make it slower";
constexpr char kAcousticText[] =
    "what one level plays another may hear through its microphone. Lend sound and microphones at "
    "different times, or use headphones";
constexpr char kCameraText[] =
    "a camera sees the room: the screens of other levels, and paper. Cover it, and lend it with a "
    "time limit";
constexpr char kFidoText[] =
    "a security key counts its uses and may keep what a site stores on it: one level can leave "
    "little for another there. Use one for each level, or disjoint relying parties";
constexpr char kPrintTrayText[] =
    "pages of several levels lie in one tray. Print a banner page with the level's name, and fetch "
    "pages at once";
constexpr char kFlowBackText[] =
    "when the receiving half of a flow dies the sending half is told, at most once in a back-off "
    "interval: one bit";

class RiskFinder {
 public:
  RiskFinder(const SpecSet& spec, const FlowGraph& graph) : spec_(spec), graph_(graph) {}

  std::vector<Risk> Take() {
    for (const auto& [name, level] : spec_.levels) all_.insert(name);
    Add({RiskKind::kCpu, kCpuText, all_, all_, {}});
    Add({RiskKind::kMemory, kMemoryText, all_, all_, {}});
    Add({RiskKind::kDisk, kDiskText, all_, all_, {}});
    Add({RiskKind::kAcoustic,
         kAcousticText,
         Lent(DeviceClass::kSound),
         Lent(DeviceClass::kMicrophone),
         {}});
    Add({RiskKind::kCamera, kCameraText, WithScreen(), Lent(DeviceClass::kCamera), {}});
    Add({RiskKind::kFido, kFidoText, Lent(DeviceClass::kFido), Lent(DeviceClass::kFido), {}});
    Keys();
    Trays();
    Ciphertext();
    FlowsBack();
    return std::move(out_);
  }

 private:
  /// Only a risk by which somebody learns what does not come up to them by right.
  void Add(Risk risk) {
    bool harmful = risk.pairs.empty() ? AnyAgainst(LabelsOf(risk.senders), LabelsOf(risk.learners))
                                      : std::ranges::any_of(risk.pairs, [&](const auto& pair) {
                                          return Against(spec_.levels.at(pair.first).label,
                                                         spec_.levels.at(pair.second).label);
                                        });
    if (harmful) out_.push_back(std::move(risk));
  }

  static bool Against(const Label& from, const Label& to) { return !to.Dominates(from); }
  static bool AnyAgainst(const std::vector<Label>& from, const std::vector<Label>& to) {
    return std::ranges::any_of(from, [&](const Label& a) {
      return std::ranges::any_of(to, [&](const Label& b) { return Against(a, b); });
    });
  }

  /// Each once: a thousand levels have few labels.
  std::vector<Label> LabelsOf(const Names& levels) const {
    std::map<std::string, Label> out;
    for (const std::string& name : levels) {
      const Label& label = spec_.levels.at(name).label;
      out.emplace(label.ToString(), label);
    }
    std::vector<Label> labels;
    for (auto& [text, label] : out) labels.push_back(label);
    return labels;
  }

  Names Lent(DeviceClass c) const {
    Names out;
    for (const auto& [name, level] : spec_.levels) {
      if (level.Device(c).mode != GrantMode::kNone) out.insert(name);
    }
    return out;
  }

  Names WithScreen() const {
    Names out;
    for (const auto& [name, level] : spec_.levels) {
      if (level.display.screens > 0) out.insert(name);
    }
    return out;
  }

  void Keys() {
    std::map<std::string, Names> users;
    for (const auto& [name, level] : spec_.levels) {
      for (const KeyUse& use : level.keys) users[use.key].insert(name);
    }
    for (const auto& [key, names] : users) {
      auto found = spec_.keys.find(key);
      Add({RiskKind::kKey,
           "key " + Quoted(key) +
               " is used at several levels: when it is busy, locked or counted up each can tell. "
               "Give each level a key of its own",
           names, names, found == spec_.keys.end() ? Origin{} : found->second.origin});
    }
  }

  void Trays() {
    std::map<NodeId, Names> users;
    for (const FlowEdge& edge : graph_.edges()) {
      bool prints = edge.kind == EdgeKind::kDeviceOut && edge.device_class == DeviceClass::kPrinter;
      if (prints) users[edge.to].insert(graph_.node(edge.from).name);
    }
    for (const auto& [printer, names] : users) {
      Add({RiskKind::kPrintTray, graph_.node(printer).Title() + ": " + kPrintTrayText, names, names,
           graph_.node(printer).origin});
    }
  }

  void Ciphertext() {
    for (const FlowEdge& edge : graph_.edges()) {
      if (edge.kind != EdgeKind::kEncrypt) continue;
      Add({RiskKind::kCiphertext,
           "number, size and time of what flow " + Quoted(graph_.RuleOf(edge).name) +
               " carries are not sealed. Limit its size, count and rate",
           {graph_.node(edge.from).name},
           {graph_.node(edge.to).name},
           graph_.OriginOf(edge)});
    }
  }

  void FlowsBack() {
    Risk risk{RiskKind::kFlowBack, kFlowBackText, {}, {}, {}};
    for (const auto& [name, flow] : spec_.flows) {
      if (!all_.contains(flow.from) || !all_.contains(flow.to)) continue;
      risk.senders.insert(flow.to);
      risk.learners.insert(flow.from);
      risk.pairs.emplace(flow.to, flow.from);
    }
    Add(std::move(risk));
  }

  const SpecSet& spec_;
  const FlowGraph& graph_;
  Names all_;
  std::vector<Risk> out_;
};

}  // namespace

std::string_view NameOf(RiskKind kind) { return kRiskNames[static_cast<std::size_t>(kind)]; }

std::vector<Risk> AcceptedRisks(const SpecSet& spec, const FlowGraph& graph) {
  return RiskFinder(spec, graph).Take();
}

std::vector<Risk> RisksBetween(const SpecSet& spec, const FlowGraph& graph, const std::string& a,
                               const std::string& b) {
  auto first = spec.levels.find(a);
  auto second = spec.levels.find(b);
  if (first == spec.levels.end() || second == spec.levels.end()) return {};
  auto harms = [](const Risk& risk, const Level& from, const Level& to) {
    return risk.Concerns(from.name, to.name) && !to.label.Dominates(from.label);
  };
  std::vector<Risk> risks = AcceptedRisks(spec, graph);
  std::erase_if(risks, [&](const Risk& risk) {
    return !harms(risk, first->second, second->second) &&
           !harms(risk, second->second, first->second);
  });
  return risks;
}

}  // namespace bulkhead::vmspec
