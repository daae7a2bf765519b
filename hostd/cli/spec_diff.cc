// SPDX-License-Identifier: GPL-2.0-or-later
/// spec diff
#include <algorithm>
#include <array>
#include <ostream>

#include "hostd/cli/command.h"
#include "hostd/cli/spec_sets.h"
#include "vmspec/base/sanitize.h"
#include "vmspec/did_you_mean.h"
#include "vmspec/diff.h"
#include "vmspec/fact_places.h"

namespace bulkhead::cli {

namespace {

using vmspec::Change;
using vmspec::Difference;
using vmspec::Effect;
using vmspec::FlowChange;

constexpr std::size_t kShownFarWays = 20;  ///< of each effect; --json has all

Cell EffectCell(Effect effect) {
  constexpr std::array kColours = {Colour::kRed, Colour::kGreen, Colour::kNone};
  return {NameOf(effect), kColours[static_cast<std::size_t>(effect)]};
}

std::string EndsOf(const FlowChange& change) {
  return SentenceOf(change.pair.from) + " -> " + SentenceOf(change.pair.to);
}

void AddFlows(const Difference& difference, Effect effect, Table& table) {
  std::size_t far = 0;
  for (const FlowChange& change : difference.flows) {
    if (change.effect != effect) continue;
    if (change.direct) {
      table.Add({EffectCell(effect), "information", EndsOf(change) + ": " + change.way,
                 PlaceText(change.origin)});
    } else if (++far <= kShownFarWays) {
      table.Add({EffectCell(effect), "information", EndsOf(change) + ", by way of others", ""});
    }
  }
  if (far > kShownFarWays) {
    std::string more = std::to_string(far - kShownFarWays);
    table.Add(
        {EffectCell(effect), "information", more + " more ways by way of others: --json", ""});
  }
}

void AddChanges(const Difference& difference, Effect effect, Table& table) {
  for (const Change& change : difference.changes) {
    if (change.effect != effect) continue;
    std::string place =
        change.after ? PlaceText(change.origin_after) : PlaceText(change.origin_before) + " (old)";
    table.Add({EffectCell(effect), SubjectOf(change.key), SentenceOf(change), place});
  }
}

void Show(const Context& context, const Difference& difference) {
  if (difference.empty()) {
    context.out() << "No difference in meaning.\n";
    return;
  }
  Table table({"EFFECT", "OF", "CHANGE", "PLACE"}, Fit::kWrap);
  for (Effect effect : {Effect::kOpens, Effect::kCloses, Effect::kChanges}) {
    AddFlows(difference, effect, table);
    AddChanges(difference, effect, table);
  }
  context.Print(table);
  if (!difference.all_flows) {
    context.out() << "\nThere are too many ways by way of others to compare them all.\n";
  }
  std::vector<std::string> restarts(difference.restarts.begin(), difference.restarts.end());
  context.out() << "\nRunning levels that need a restart for all of it: "
                << (restarts.empty() ? "none" : Printable(vmspec::Listed(restarts), 4096)) << ".\n";
}

std::string Word(Effect effect) {
  std::string word(NameOf(effect));
  std::ranges::transform(word, word.begin(), [](char c) { return static_cast<char>(c | 0x20); });
  return word;
}

Json ToJson(const Change& change) {
  auto text = [](const auto& value) { return value ? Json(*value) : Json(); };
  return JsonMembers{{"effect", Word(change.effect)},
                     {"kind", change.key.kind},
                     {"name", change.key.name},
                     {"field", change.key.field},
                     {"element", change.key.element},
                     {"before", text(change.before)},
                     {"after", text(change.after)},
                     {"before_place", PlaceText(change.origin_before)},
                     {"after_place", PlaceText(change.origin_after)},
                     {"sentence", SubjectOf(change.key) + ": " + SentenceOf(change)}};
}

Json ToJson(const vmspec::FlowEnd& end) {
  return JsonMembers{{"kind", NameOf(end.kind)}, {"name", end.name}};
}

Json ToJson(const FlowChange& change) {
  return JsonMembers{{"effect", Word(change.effect)},
                     {"from", ToJson(change.pair.from)},
                     {"to", ToJson(change.pair.to)},
                     {"direct", change.direct},
                     {"way", change.way},
                     {"place", PlaceText(change.origin)}};
}

Json ToJson(const Difference& difference) {
  JsonArray changes;
  JsonArray flows;
  JsonArray restarts;
  for (const Change& change : difference.changes) changes.push_back(ToJson(change));
  for (const FlowChange& change : difference.flows) flows.push_back(ToJson(change));
  for (const std::string& level : difference.restarts) restarts.emplace_back(level);
  return JsonMembers{{"same", difference.empty()},
                     {"changes", std::move(changes)},
                     {"information", std::move(flows)},
                     {"all_ways", difference.all_flows},
                     {"restarts", std::move(restarts)}};
}

}  // namespace

Result<int> SpecDiff(Context& context, const Arguments& arguments) {
  const bool two = arguments.positional.size() == 2;
  auto before = ReadSet(context, two ? arguments.positional[0] : "applied");
  if (!before) return Propagate(before);
  auto after = ReadSet(context, arguments.positional.back());
  if (!after) return Propagate(after);
  // 1 would say that they differ.
  if (ShowFaults(context, *before) || ShowFaults(context, *after)) return kExitUsage;
  Difference difference = vmspec::Diff(before->checked.spec, after->checked.spec);
  TellPlaces(vmspec::FactPlaces(before->files), vmspec::FactPlaces(after->files), difference);
  if (context.json()) {
    context.Print(ToJson(difference));
  } else {
    Show(context, difference);
  }
  return difference.empty() ? kExitOk : kExitFailure;
}

}  // namespace bulkhead::cli
