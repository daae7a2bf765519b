// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/diff.h"

#include <algorithm>
#include <iterator>
#include <tuple>

#include "vmspec/base/sanitize.h"
#include "vmspec/faults.h"
#include "vmspec/restart_facts.h"

namespace bulkhead::vmspec {

namespace {

constexpr std::size_t kMaxWays = 1000;

/// A device rule that allows, of this level or of all, is among the facts.
bool Narrowed(const std::vector<Fact>& facts, const FactKey& key) {
  return std::ranges::any_of(facts, [&](const Fact& fact) {
    return fact.weight == Weight::kNarrowing && fact.key.field == key.field &&
           (fact.key.name == key.name || fact.key.name == "*");
  });
}

Effect Mirrored(Effect effect) {
  if (effect == Effect::kChanges) return effect;
  return effect == Effect::kOpens ? Effect::kCloses : Effect::kOpens;
}

/// Facts of the two sets side by side.
class Comparison {
 public:
  Comparison(std::vector<Fact> before, std::vector<Fact> after)
      : before_(std::move(before)), after_(std::move(after)) {}

  Difference Run() {
    auto old = before_.begin();
    auto now = after_.begin();
    while (old != before_.end() || now != after_.end()) {
      if (now == after_.end() || (old != before_.end() && old->key < now->key)) {
        Alone(*old++, false);
      } else if (old == before_.end() || now->key < old->key) {
        Alone(*now++, true);
      } else {
        Both(*old++, *now++);
      }
    }
    std::ranges::stable_sort(out_.changes, {}, &Change::effect);
    return std::move(out_);
  }

 private:
  void Both(const Fact& old, const Fact& now) {
    if (now.key.field.empty()) return;  // each field is a fact of its own
    bool same = old.value == now.value && old.measure == now.measure && old.items == now.items;
    if (same) return;
    for (Effect effect : EffectsOf(old, now)) {
      out_.changes.push_back({effect, now.key, old.value, now.value, old.origin, now.origin});
    }
  }

  static std::vector<Effect> EffectsOf(const Fact& old, const Fact& now) {
    bool list = now.weight == Weight::kAnyOf || now.weight == Weight::kEachOf;
    if (list) return EffectsOfList(old.items, now.items, now.weight == Weight::kAnyOf);
    if (old.measure == now.measure) return {Effect::kChanges};
    bool more = now.measure > old.measure;
    return {more == (now.weight != Weight::kClosing) ? Effect::kOpens : Effect::kCloses};
  }

  /// Two lists of which neither has all of the other open and close.
  static std::vector<Effect> EffectsOfList(const std::vector<std::string>& old,
                                           const std::vector<std::string>& now, bool none_is_all) {
    auto covers = [&](const auto& a, const auto& b) {
      if (none_is_all && (a.empty() || b.empty())) return a.empty();
      return std::ranges::includes(a, b);
    };
    if (covers(now, old)) return {Effect::kOpens};
    if (covers(old, now)) return {Effect::kCloses};
    return {Effect::kOpens, Effect::kCloses};
  }

  /// A fact of one set only.
  void Alone(const Fact& fact, bool is_new) {
    const auto& other = is_new ? before_ : after_;
    auto effect = EffectOfPresence(fact, other);
    if (!effect) return;
    Change change{is_new ? *effect : Mirrored(*effect), fact.key, {}, {}, {}, {}};
    (is_new ? change.after : change.before) = fact.value;
    (is_new ? change.origin_after : change.origin_before) = fact.origin;
    out_.changes.push_back(std::move(change));
  }

  /// Nothing: what it belongs to is told, and stands for it.
  static std::optional<Effect> EffectOfPresence(const Fact& fact, const std::vector<Fact>& other) {
    switch (fact.weight) {
      case Weight::kOpening:
        return Effect::kOpens;
      case Weight::kClosing:
        return Effect::kCloses;
      case Weight::kNarrowing:
        return Narrowed(other, fact.key) ? Effect::kOpens : Effect::kCloses;
      case Weight::kMember:
        return Effect::kChanges;
      case Weight::kGrant:
        if (fact.measure > 0) return Effect::kOpens;
        return std::nullopt;
      case Weight::kPlain:
      case Weight::kMeasure:
      case Weight::kAnyOf:
      case Weight::kEachOf:
        return std::nullopt;
    }
    return std::nullopt;
  }

  std::vector<Fact> before_;
  std::vector<Fact> after_;
  Difference out_;
};

std::string WayText(const FlowGraph& graph, const std::vector<FlowEdge>& way) {
  std::string out;
  for (const FlowEdge& edge : way) out += (out.empty() ? "" : "; ") + graph.Sentence(edge);
  return out;
}

/// Ways that `there` has and `elsewhere` has not, which may be direct in one and far in the other.
std::vector<FlowPair> Missing(const std::vector<FlowPair>& there, const Reach& elsewhere) {
  std::vector<FlowPair> once;
  std::vector<FlowPair> out;
  std::ranges::set_difference(there, elsewhere.direct, std::back_inserter(once));
  std::ranges::set_difference(once, elsewhere.far, std::back_inserter(out));
  return out;
}

void AddFlows(Effect effect, const FlowGraph& graph, const Reach& here, const Reach& elsewhere,
              Difference& out) {
  std::size_t ways = 0;
  for (FlowPair& pair : Missing(here.direct, elsewhere)) {
    FlowChange change{effect, std::move(pair), true, {}, {}};
    if (++ways <= kMaxWays) {
      std::vector<FlowEdge> way = DirectWay(graph, change.pair);
      change.way = WayText(graph, way);
      if (!way.empty()) change.origin = graph.OriginOf(way[0]);
    }
    out.flows.push_back(std::move(change));
  }
  if (!out.all_flows) return;
  for (FlowPair& pair : Missing(here.far, elsewhere)) {
    out.flows.push_back({effect, std::move(pair), false, {}, {}});
  }
}

void CompareFlows(const SpecSet& before, const SpecSet& after, Difference& out) {
  FlowGraph old = FlowGraph::Build(before);
  FlowGraph now = FlowGraph::Build(after);
  Reach reach_old = ReachOf(old);
  Reach reach_now = ReachOf(now);
  out.all_flows = reach_old.complete && reach_now.complete;
  AddFlows(Effect::kOpens, now, reach_now, reach_old, out);
  AddFlows(Effect::kCloses, old, reach_old, reach_now, out);
}

}  // namespace

std::string_view NameOf(Effect effect) {
  static constexpr std::string_view kNames[] = {"OPENS", "CLOSES", "CHANGES"};
  return kNames[static_cast<std::size_t>(effect)];
}

Difference Diff(const SpecSet& before, const SpecSet& after) {
  Difference out = Comparison(FactsOf(before), FactsOf(after)).Run();
  CompareFlows(before, after, out);
  out.restarts = RestartsBetween(before, after);
  return out;
}

std::string SubjectOf(const FactKey& key) {
  if (key.kind == "device rules") {
    return key.name == "*" ? "devices, any level" : "devices, level " + Printable(key.name);
  }
  return key.name.empty() ? key.kind : key.kind + " " + Printable(key.name);
}

std::string SentenceOf(const Change& change) {
  auto shown = [](const std::string& text) { return text.empty() ? "(none)" : Printable(text); };
  const bool gained = !change.before;
  std::string value = Printable(gained ? change.after.value_or("") : *change.before);
  if (change.key.field.empty()) {
    return (gained ? "is new" : "is gone") + (value.empty() ? "" : ": " + value);
  }
  std::string field = Printable(change.key.field);
  std::string element = Printable(change.key.element);
  if (change.before && change.after) {
    std::string of = element.empty() ? "" : " " + element;
    return field + of + ": " + shown(*change.before) + " -> " + shown(*change.after);
  }
  std::string what = element.empty() ? value : element + (value.empty() ? "" : "  " + value);
  return field + (gained ? " gains " : " loses ") + what;
}

std::string SentenceOf(const FlowEnd& end) {
  return (end.kind == NodeKind::kUplink ? "uplink " : "") + Printable(end.name);
}

}  // namespace bulkhead::vmspec
