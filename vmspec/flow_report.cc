// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/flow_report.h"

#include <algorithm>
#include <set>

#include "vmspec/codes.h"
#include "vmspec/did_you_mean.h"

namespace bulkhead::vmspec {

namespace {

/// A way is shown whole up to here; of a longer one the middle is left out.
constexpr std::size_t kMaxShownEdges = 64;

/// `"low"`, `device "stick"`
std::string NameFor(const FlowNode& node) {
  return node.kind == NodeKind::kUplink ? Quoted(node.name) : node.Title();
}

/// `"high" (rank 2 {hq})`
std::string WithLabel(const FlowNode& node) {
  return NameFor(node) + (node.label ? " (rank " + node.label->ToString() + ")" : "");
}

std::string Counted(std::size_t n, const std::string& word) {
  return std::to_string(n) + " " + word + (n == 1 ? "" : "s");
}

/// What a Diagnostic needs beside its path, of one violation.
class Describer {
 public:
  Describer(const FlowGraph& graph, const Violation& violation)
      : graph_(graph),
        v_(violation),
        from_(graph.node(violation.from)),
        to_(graph.node(violation.to)),
        first_(violation.path.front()),
        last_(violation.path.back()) {}

  Diagnostic Describe() {
    d_.code = CodeOf(graph_, v_);
    d_.message =
        "information can flow from " + WithLabel(from_) + " to " + WithLabel(to_) + " in clear";
    d_.origin = graph_.OriginOf(first_);
    if (v_.opened) {
      Opened();
    } else if (v_.path.size() > 1) {
      Through(graph_.node(first_.to));
    } else {
      Direct();
    }
    AddPath();
    AddAlike();
    return std::move(d_);
  }

 private:
  std::string From() const { return NameFor(from_); }
  std::string To() const { return NameFor(to_); }
  std::string LastPlace() const { return " (" + graph_.OriginOf(last_).ToString() + ")"; }
  std::string Missing() const { return WhatIsMissing(*to_.label, *from_.label); }

  void Direct() {
    switch (first_.kind) {
      case EdgeKind::kUplinkOut:
      case EdgeKind::kUplinkIn:
        return Uplink();
      case EdgeKind::kService:
        return Service();
      case EdgeKind::kRoute:
        return Route();
      case EdgeKind::kSameNetwork:
        return SameNetwork();
      case EdgeKind::kDeviceOut:
      case EdgeKind::kDeviceIn:
        return LabelledDevice();
      default:
        return Flow();
    }
  }

  void Flow() {
    bool decrypts = first_.kind == EdgeKind::kDecrypt;
    d_.label = "the label of " + To() + " does not dominate that of " + From();
    d_.help =
        std::string(decrypts ? "what is decrypted arrives in clear, at" : "a transfer leads to") +
        " a level that dominates: give " + To() + " " + Missing() +
        (from_.label->Dominates(*to_.label) ? ", or turn the flow round" : "");
  }

  void Uplink() {
    bool leaves = first_.kind == EdgeKind::kUplinkOut;
    std::string level = leaves ? From() : To();
    d_.label = leaves ? "the uplink's label does not dominate that of " + level
                      : "the label of " + level + " does not dominate the uplink's";
    d_.help = "a connection carries both ways: attach " + level +
              " to an uplink of its own label, or take its allow rules away";
  }

  void Service() {
    d_.label = "its connections carry information from " + From() + " to " + To();
    d_.help =
        "a connection carries both ways: a service joins levels of one label; from a level to "
        "one that dominates lead the flows of flows.toml";
  }

  void Route() {
    d_.label = "packets pass between " + From() + " and " + To();
    d_.help =
        "packets are routed both ways: give the two uplinks one label, or take the route away";
  }

  void SameNetwork() {
    const FlowNode& a = v_.from < v_.to ? from_ : to_;
    const FlowNode& b = v_.from < v_.to ? to_ : from_;
    d_.message = "the uplinks " + WithLabel(a) + " and " + WithLabel(b) +
                 " are one network, with two labels";
    d_.label = "both are " + graph_.RuleOf(first_).name;
    d_.help =
        "what one network carries, all on it can read: give both uplinks one label, or one "
        "of them another interface";
  }

  void LabelledDevice() {
    bool out = first_.kind == EdgeKind::kDeviceOut;
    const FlowNode& device = out ? to_ : from_;
    std::string level = out ? From() : To();
    d_.label = graph_.Sentence(first_);
    d_.help = "the device has a label of its own (" + device.origin.ToString() + "): give " + To() +
              " " + Missing() + ", or deny the device to " + level + " in devices.toml";
  }

  void Through(const FlowNode& between) {
    std::string where = between.kind == NodeKind::kPool ? "a medium" : between.Title();
    if (d_.code == codes::kMediumAgainstLattice) {
      d_.label = From() + " may write " + where;
      d_.help = To() + " may read it afterwards" + LastPlace() + ": make media read-only in " +
                From() + " (write = false), or lend none to " + To();
    } else if (between.kind == NodeKind::kToken) {
      d_.label = graph_.Sentence(first_);
      d_.help = To() + " may read them" + LastPlace() + ": take \"write-data\" from " + From() +
                " or \"read-data\" from " + To();
    } else if (between.kind == NodeKind::kClipboard) {
      d_.label = "text copied in " + From() + " may be pasted in " + To();
      d_.help = To() + " takes it" + LastPlace() + ": take " + To() + " from the list of " +
                From() + ", or " + From() + " from that of " + To();
    } else {
      d_.label = graph_.Sentence(first_);
      d_.help = "it keeps what it was given, and " + To() + " may be lent it afterwards" +
                LastPlace() + ": deny it to one of the two in devices.toml";
    }
  }

  void Opened() {
    const FlowRule& sealer = graph_.RuleOf(first_);
    std::string flow = "flow " + Quoted(sealer.name) + " (" + sealer.origin.ToString() + ")";
    d_.message = "information from " + WithLabel(from_) + ", sealed by flow " +
                 Quoted(sealer.name) + ", can be opened by " + WithLabel(to_);
    d_.origin = graph_.OriginOf(last_);
    d_.label = "here it is opened";
    d_.help = "who opens must dominate the level that sealed: give " + To() + " " + Missing() +
              ", take the key away here, or let " + flow + " seal for other recipients";
  }

  void AddEdge(const FlowEdge& edge) {
    d_.notes.push_back({graph_.OriginOf(edge), graph_.Sentence(edge)});
  }

  void AddPath() {
    for (std::size_t i = 0; i < v_.path.size(); ++i) {
      AddEdge(v_.path[i]);
      if (i + 1 != kMaxShownEdges / 2 || v_.path.size() <= kMaxShownEdges) continue;
      std::size_t skipped = v_.path.size() - kMaxShownEdges;
      d_.notes.push_back({{}, Counted(skipped, "step") + " between are not shown"});
      i += skipped;
    }
  }

  void AddAlike() {
    std::size_t pairs = v_.sources.size() * v_.ends.size();
    if (pairs > 1) {
      d_.notes.push_back({{},
                          "the same holds for " + Counted(pairs - 1, "more pair") +
                              " with these labels, as from " +
                              graph_.node(v_.sources.back()).Title() + " to " +
                              graph_.node(v_.ends.back()).Title()});
    }
    if (v_.more_ways > 0) {
      d_.notes.push_back(
          {{}, Counted(v_.more_ways, "more way") + " of this kind between the same ends"});
    }
  }

  const FlowGraph& graph_;
  const Violation& v_;
  const FlowNode& from_;
  const FlowNode& to_;
  const FlowEdge& first_;
  const FlowEdge& last_;
  Diagnostic d_;
};

std::string_view CodeOfEdge(EdgeKind kind) {
  switch (kind) {
    case EdgeKind::kUplinkOut:
      return codes::kLeavesByUplink;
    case EdgeKind::kUplinkIn:
      return codes::kEntersByUplink;
    case EdgeKind::kService:
      return codes::kServiceAgainstLattice;
    case EdgeKind::kRoute:
      return codes::kRouteAgainstLattice;
    case EdgeKind::kSameNetwork:
      return codes::kSharedInterface;
    case EdgeKind::kDeviceOut:
    case EdgeKind::kDeviceIn:
      return codes::kLabelledDevice;
    default:
      return codes::kFlowAgainstLattice;
  }
}

void AddSpread(const FlowGraph& graph, const std::optional<Spread>& spread, Diagnostic& d) {
  if (!spread || spread->pairs == 0) return;
  bool one = spread->pairs == 1 && spread->example;
  std::string text = "and so also";
  if (!one) text += " between " + Counted(spread->pairs, "more pair") + " of levels";
  if (spread->example) {
    text += (one ? " from " : ", as from ") + WithLabel(graph.node(spread->example->first)) +
            " to " + WithLabel(graph.node(spread->example->second));
  }
  d.notes.push_back({{}, std::move(text)});
}

}  // namespace

std::string WhatIsMissing(const Label& low, const Label& high) {
  std::vector<std::string> missing;
  std::set_difference(high.compartments.begin(), high.compartments.end(), low.compartments.begin(),
                      low.compartments.end(), std::back_inserter(missing));
  std::string out;
  if (low.rank < high.rank) out = "at least rank " + std::to_string(high.rank);
  if (missing.empty()) return out;
  if (!out.empty()) out += " and ";
  return out + (missing.size() == 1 ? "the compartment " : "the compartments ") + Listed(missing);
}

std::string_view CodeOf(const FlowGraph& graph, const Violation& violation) {
  if (violation.opened) return codes::kOpenedAgainstLattice;
  const FlowEdge& first = violation.path.front();
  if (violation.path.size() == 1) return CodeOfEdge(first.kind);
  if (graph.node(first.to).kind == NodeKind::kToken) return codes::kTokenAgainstLattice;
  if (graph.node(first.to).kind == NodeKind::kClipboard) return codes::kClipboardAgainstLattice;
  bool medium = std::ranges::all_of(violation.path, [](const FlowEdge& edge) {
    return edge.device_class == DeviceClass::kStorage;
  });
  return medium ? codes::kMediumAgainstLattice : codes::kDeviceAgainstLattice;
}

Diagnostic Describe(const FlowGraph& graph, const Violation& violation) {
  return Describer(graph, violation).Describe();
}

void Report(const FlowGraph& graph, const Verdict& verdict, Faults& faults) {
  if (!verdict.complete) {  // first, so that no flood of faults hides it
    faults.Error(codes::kTooMany,
                 "there are more ways for information than the checker follows, or more of them "
                 "against the lattice than it shows",
                 Origin{}, {},
                 "mend what is shown, or name fewer devices and keys, and check again");
  }
  SpreadCounter spread(graph);
  std::set<std::uint32_t> networks;  // by rule: a network is named once, not once each way
  for (const Violation& violation : verdict.violations) {
    const FlowEdge& first = violation.path.front();
    bool network = first.kind == EdgeKind::kSameNetwork && !violation.opened;
    if (network && !networks.insert(first.rule).second) continue;
    Diagnostic diagnostic = Describe(graph, violation);
    AddSpread(graph, spread.Count(violation), diagnostic);
    faults.Add(std::move(diagnostic));
  }
}

}  // namespace bulkhead::vmspec
