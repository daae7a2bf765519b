// SPDX-License-Identifier: GPL-2.0-or-later
/// spec explain: the ways that information has from one node to another. spec risks: the covert
/// channels that a set accepts.
#include <algorithm>
#include <ostream>
#include <set>

#include "hostd/cli/command.h"
#include "hostd/cli/spec_sets.h"
#include "vmspec/base/sanitize.h"
#include "vmspec/explain.h"
#include "vmspec/spec.h"

namespace bulkhead::cli {

namespace {

using vmspec::CheckedSpec;
using vmspec::Explanation;
using vmspec::FlowEdge;
using vmspec::FlowGraph;
using vmspec::FlowNode;
using vmspec::NodeId;
using vmspec::Risk;
using vmspec::SpecFiles;
using vmspec::Way;

constexpr std::size_t kColumns = 100;

Result<SpecFiles> AppliedSet(Context& context) {
  auto files = AppliedFiles(context);
  if (files && files->empty()) {
    return Fail(ErrorCode::kNotFound, "no spec set is applied: bulkhead spec apply DIR");
  }
  return files;
}

/// A set whose only faults are against the lattice can be explained: that is when one asks.
bool CanBeExplained(const CheckedSpec& checked) {
  return std::ranges::all_of(checked.diagnostics, [](const vmspec::Diagnostic& d) {
    return d.warning || d.code.starts_with("B03");
  });
}

/// A set and what it says: of the folder, or the one in force when there is no name of one.
struct Loaded {
  CheckedSpec checked;
  FlowGraph graph;
};
Result<Loaded> Load(Context& context, const std::vector<std::string>& words, std::size_t folder) {
  auto files = words.size() > folder ? vmspec::ReadSpecFolder(words[folder]) : AppliedSet(context);
  if (!files) return Propagate(files);
  Loaded loaded{vmspec::CheckSpec(*files), {}};
  if (!CanBeExplained(loaded.checked)) {
    context.around().err << vmspec::FormatDiagnostics(*files, loaded.checked, false);
    return Fail(ErrorCode::kInvalid,
                "a set with faults other than flows against the lattice cannot be explained");
  }
  loaded.graph = FlowGraph::Build(loaded.checked.spec);
  return loaded;
}

Result<NodeId> NodeNamed(const FlowGraph& graph, const std::string& name) {
  if (auto id = graph.FindAny(name)) return *id;
  std::vector<std::string> known;
  for (const FlowNode& node : graph.nodes()) known.push_back(node.name);
  return Fail(ErrorCode::kNotFound, "the spec set has no level, uplink, device or token \"" +
                                        Printable(name, 80) + "\"" + Suggestion(name, known));
}

/// Lines of at most kColumns, all but the first indented by `indent`.
std::string Wrapped(const std::string& text, std::size_t indent) {
  std::string out;
  std::size_t column = indent;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = std::min(text.find(' ', at), text.size());
    std::string word = text.substr(at, end - at);
    if (at > 0) {
      bool fits = column + 1 + DisplayWidth(word) <= kColumns;
      out += fits ? " " : "\n" + std::string(indent, ' ');
      column = fits ? column + 1 : indent;
    }
    out += word;
    column += DisplayWidth(word);
    at = end + 1;
  }
  return out;
}

std::string Described(const FlowNode& node) {
  return node.Title() + (node.label ? " (rank " + node.label->ToString() + ")" : "");
}

std::string Heading(const FlowGraph& graph, const Explanation& e) {
  std::size_t n = e.ways.size() + e.left_out;
  std::string count = n == 0 ? "no way" : std::to_string(n) + (n == 1 ? " way" : " ways");
  return "From " + Described(graph.node(e.from)) + " to " + Described(graph.node(e.to)) + ": " +
         (e.more ? "at least " : "") + count + ".";
}

void PrintWay(std::ostream& out, const FlowGraph& graph, const Way& way, std::size_t number) {
  out << "\n" << number << ". " << Wrapped(Sentence(graph, way), 3) << "\n";
  std::size_t widest = 0;
  for (const FlowEdge& step : way.steps) {
    widest = std::max(widest, DisplayWidth(Printable(graph.OriginOf(step).ToString())));
  }
  for (const FlowEdge& step : way.steps) {
    std::string place = Printable(graph.OriginOf(step).ToString());
    out << "   " << place << std::string(widest - DisplayWidth(place) + 2, ' ')
        << Wrapped(graph.Sentence(step), widest + 5) << "\n";
  }
}

void PrintRisk(std::ostream& out, const Risk& risk) {
  std::string name = std::string(NameOf(risk.kind)) + ": ";
  std::string place = risk.origin.line > 0 ? " (" + risk.origin.ToString() + ")" : "";
  out << "   " << Wrapped(name + risk.sentence + Printable(place) + ".", 6) << "\n";
}

void PrintRisks(std::ostream& out, const std::vector<Risk>& risks) {
  if (risks.empty()) return;
  out << "\nAccepted risks between the two, which no rule closes:\n";
  for (const Risk& risk : risks) PrintRisk(out, risk);
}

std::string Some(const std::set<std::string>& names) {
  constexpr std::size_t kMost = 8;
  std::string out;
  std::size_t n = 0;
  for (const std::string& name : names) {
    if (++n > kMost) break;
    out += (n == 1 ? "" : ", ") + Printable(name);
  }
  return names.size() > kMost ? out + " and " + std::to_string(names.size() - kMost) + " more"
                              : out;
}

void PrintSetsRisks(std::ostream& out, const std::vector<Risk>& risks) {
  if (risks.empty()) {
    out << "No accepted risks: no level could learn what it may not know.\n";
    return;
  }
  out << "Accepted risks of the set, which no rule closes:\n";
  for (const Risk& risk : risks) {
    out << "\n";
    PrintRisk(out, risk);
    bool all_alike = risk.senders == risk.learners;
    if (all_alike) out << "      " << Wrapped("among: " + Some(risk.senders), 6) << "\n";
    if (all_alike) continue;
    out << "      " << Wrapped("of: " + Some(risk.senders), 6) << "\n";
    out << "      " << Wrapped("by: " + Some(risk.learners), 6) << "\n";
  }
}

void Print(std::ostream& out, const FlowGraph& graph, const Explanation& e) {
  out << Wrapped(Heading(graph, e), 0) << "\n";
  for (std::size_t i = 0; i < e.ways.size(); ++i) PrintWay(out, graph, e.ways[i], i + 1);
  if (e.left_out > 0 || e.more) {
    out << "\n"
        << (e.more ? "At least " : "") << e.left_out << " longer "
        << (e.left_out == 1 ? "way is" : "ways are") << " not shown.\n";
  }
  if (!e.missing.empty()) out << "\n";
  for (const std::string& sentence : e.missing) out << "- " << Wrapped(sentence, 2) << ".\n";
  PrintRisks(out, e.risks);
}

Json ToJson(const FlowNode& node) {
  return JsonMembers{{"kind", NameOf(node.kind)},
                     {"name", node.name},
                     {"label", node.label ? Json(node.label->ToString()) : Json()}};
}

Json ToJson(const FlowGraph& graph, const FlowEdge& step) {
  const vmspec::Origin& origin = graph.OriginOf(step);
  return JsonMembers{{"kind", NameOf(step.kind)},         {"from", ToJson(graph.node(step.from))},
                     {"to", ToJson(graph.node(step.to))}, {"file", origin.file},
                     {"line", std::int64_t{origin.line}}, {"sentence", graph.Sentence(step)}};
}

Json ToJson(const FlowGraph& graph, const Way& way) {
  JsonArray steps;
  for (const FlowEdge& step : way.steps) steps.push_back(ToJson(graph, step));
  return JsonMembers{{"outcome", NameOf(way.outcome)},
                     {"sentence", Sentence(graph, way)},
                     {"steps", std::move(steps)}};
}

Json ToJson(const Risk& risk) {
  return JsonMembers{{"kind", NameOf(risk.kind)},     {"sentence", risk.sentence},
                     {"of", TextsJson(risk.senders)}, {"by", TextsJson(risk.learners)},
                     {"file", risk.origin.file},      {"line", std::int64_t{risk.origin.line}}};
}

Json ToJson(const FlowGraph& graph, const Explanation& e) {
  JsonArray ways;
  for (const Way& way : e.ways) ways.push_back(ToJson(graph, way));
  JsonArray risks;
  for (const Risk& risk : e.risks) risks.push_back(ToJson(risk));
  return JsonMembers{{"from", ToJson(graph.node(e.from))},
                     {"to", ToJson(graph.node(e.to))},
                     {"ways", std::move(ways)},
                     {"left-out", static_cast<std::uint64_t>(e.left_out)},
                     {"complete", !e.more},
                     {"missing", TextsJson(e.missing)},
                     {"risks", std::move(risks)}};
}

}  // namespace

Result<int> SpecExplain(Context& context, const Arguments& arguments) {
  const auto& words = arguments.positional;
  auto set = Load(context, words, 2);
  if (!set) return Propagate(set);
  auto from = NodeNamed(set->graph, words[0]);
  if (!from) return Propagate(from);
  auto to = NodeNamed(set->graph, words[1]);
  if (!to) return Propagate(to);
  if (*from == *to) {
    return context.Misused({ErrorCode::kInvalid, "name two different nodes to explain"});
  }
  Explanation explanation = vmspec::Explain(set->checked.spec, set->graph, *from, *to);
  if (context.json()) {
    context.Print(ToJson(set->graph, explanation));
    return kExitOk;
  }
  Print(context.out(), set->graph, explanation);
  if (!set->checked.ok()) {
    context.out() << "\nThe set lets information flow against the lattice: bulkhead spec check\n";
  }
  return kExitOk;
}

Result<int> SpecRisks(Context& context, const Arguments& arguments) {
  auto set = Load(context, arguments.positional, 0);
  if (!set) return Propagate(set);
  std::vector<Risk> risks = vmspec::AcceptedRisks(set->checked.spec, set->graph);
  if (context.json()) {
    JsonArray all;
    for (const Risk& risk : risks) all.push_back(ToJson(risk));
    context.Print(Json(JsonMembers{{"risks", std::move(all)}}));
  } else {
    PrintSetsRisks(context.out(), risks);
  }
  return kExitOk;
}

}  // namespace bulkhead::cli
