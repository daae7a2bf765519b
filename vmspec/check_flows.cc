// SPDX-License-Identifier: GPL-2.0-or-later
/// Invariant I6, for a set that is being checked: no way lets information flow against the lattice.
#include "vmspec/codes.h"
#include "vmspec/draft.h"
#include "vmspec/flow_check.h"
#include "vmspec/flow_report.h"

namespace bulkhead::vmspec {

namespace {

void CheckEnds(const Flow& flow, Faults& faults) {
  if (flow.from.empty() || flow.from != flow.to) return;
  faults.Error(codes::kFlowToItself, "the flow leads from " + Quoted(flow.from) + " to itself",
               flow.origin);
}

/// A downgrade excuses a flow against the lattice: one that needs no excuse should not have it.
void CheckDowngrade(const Flow& flow, const FlowGraph& graph, Faults& faults) {
  if (flow.kind != FlowKind::kDowngrade || flow.from == flow.to) return;
  auto from = graph.Find(NodeKind::kLevel, flow.from);
  auto to = graph.Find(NodeKind::kLevel, flow.to);
  if (!from || !to || !graph.node(*from).label || !graph.node(*to).label) return;
  if (!graph.node(*to).label->Dominates(*graph.node(*from).label)) return;
  faults.Warning(codes::kNeedlessDowngrade,
                 "the flow downgrades to a level that dominates " + Quoted(flow.from), flow.origin,
                 "nothing is declassified here", "write kind = \"transfer\"");
}

/// A violation that is an echo of another fault misleads: whoever mended it would break the set.
FlowGraph GraphOfWhatIsSound(const Draft& draft) {
  FlowGraph graph = FlowGraph::Build(draft.spec);
  for (const std::string& name : draft.levels_without_label) graph.Forget(NodeKind::kLevel, name);
  for (const std::string& name : draft.uplinks_without_label) graph.Forget(NodeKind::kUplink, name);
  for (const std::string& name : draft.devices_at_fault) graph.Forget(NodeKind::kDevice, name);
  if (draft.any_device_rule_at_fault) {
    graph.ForgetAll(NodeKind::kDevice);
    graph.ForgetAll(NodeKind::kPool);
  }
  return graph;
}

}  // namespace

void CheckInformationFlow(const Draft& draft, Faults& faults) {
  FlowGraph graph = GraphOfWhatIsSound(draft);
  for (const auto& [name, flow] : draft.spec.flows) {
    CheckEnds(flow, faults);
    CheckDowngrade(flow, graph, faults);
  }
  Report(graph, FindViolations(graph), faults);
}

}  // namespace bulkhead::vmspec
