// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/restart_facts.h"

#include <cstdint>
#include <optional>
#include <type_traits>

namespace bulkhead::vmspec {

namespace {

constexpr std::string_view kFlow = "flow ";

/// Numbers, words and flags as one comparable text.
template <typename... Values>
std::string Join(const Values&... values) {
  std::string all;
  auto add = [&all](const auto& value) {
    if constexpr (std::is_convertible_v<decltype(value), std::string_view>) {
      all += std::string(value) + ";";
    } else {
      all += std::to_string(static_cast<std::uint64_t>(value)) + ";";
    }
  };
  (add(values), ...);
  return all;
}

/// A level's number never changes while it is up: the pool says what is taken from it.
std::string Addresses(const Host& host, const LevelNetwork& network) {
  auto own_or = [](const std::optional<Prefix>& own, const Prefix& pool) {
    return own ? own->ToString() : "pool " + pool.ToString();
  };
  std::string text =
      own_or(network.address4, host.pool4) + " " + own_or(network.address6, host.pool6);
  for (const Prefix& server : network.dns) text += " " + server.ToString();
  return text;
}

void AddFlow(const Flow& flow, const std::string& level, RestartFacts& facts) {
  std::string key = std::string(kFlow) + flow.name;
  if (flow.from == level) facts[key] = "to " + flow.to;
  if (flow.to == level) facts[key] = "from " + flow.from;
}

RestartFacts OwnFacts(const Host& host, const Level& level) {
  const ImagePolicy& image = level.image_policy;
  bool network = !level.network.uplink.empty();
  return {
      {"vcpus", Join(level.vcpus)},
      {"memory", Join(level.memory_mib, level.memory_max_mib)},
      {"cpu", Join(level.cpu_quota_percent, level.cpu_weight)},
      {"io", Join(level.io_weight, level.io_read_bytes_per_s, level.io_write_bytes_per_s)},
      {"image", Join(level.image, image.digest, image.signed_by, image.boot, image.secure_boot,
                     image.kernel)},
      {"state",
       Join(level.persistent, level.life_cycle.disposable, level.state_mib, level.encryption)},
      {"display", Join(level.display.three_d, level.display.screens)},
      {"uuid", level.uuid},
      {"acceleration", Join(host.accel)},
      {"network interface", network ? "yes" : "no"},
      {"addresses", network ? Addresses(host, level.network) : ""},
  };
}

}  // namespace

RestartFacts RestartFactsOf(const SpecSet& spec, const Level& level) {
  RestartFacts facts = OwnFacts(spec.host, level);
  for (const auto& [name, flow] : spec.flows) AddFlow(flow, level.name, facts);
  return facts;
}

std::vector<std::string> RestartNeeded(const RestartFacts& started, const RestartFacts& now) {
  std::vector<std::string> all;
  bool interface_differs = false;
  for (const auto& [name, value] : now) {
    auto was = started.find(name);
    if (was != started.end() && was->second == value) continue;
    if (name == "network interface") interface_differs = true;
    all.push_back(name);
  }
  // With the interface its addresses are named.
  if (interface_differs) std::erase(all, "addresses");
  return all;
}

std::set<std::string> RestartsBetween(const SpecSet& before, const SpecSet& after) {
  // Each flow is looked at once, not once for each level.
  std::map<std::string, std::pair<RestartFacts, RestartFacts>> both;
  for (const auto& [name, level] : after.levels) {
    auto old = before.levels.find(name);
    if (old == before.levels.end()) continue;
    both[name] = {OwnFacts(before.host, old->second), OwnFacts(after.host, level)};
  }
  auto add = [&](const SpecSet& spec, auto facts_of) {
    for (const auto& [name, flow] : spec.flows) {
      for (const std::string& end : {flow.from, flow.to}) {
        if (auto level = both.find(end); level != both.end()) {
          AddFlow(flow, end, level->second.*facts_of);
        }
      }
    }
  };
  using Pair = std::pair<RestartFacts, RestartFacts>;
  add(before, &Pair::first);
  add(after, &Pair::second);
  std::set<std::string> restarts;
  for (const auto& [name, facts] : both) {
    if (!RestartNeeded(facts.first, facts.second).empty()) restarts.insert(name);
  }
  return restarts;
}

RestartFacts WithoutGoneFlows(RestartFacts started, const RestartFacts& now) {
  std::erase_if(started, [&](const auto& fact) {
    return fact.first.starts_with(kFlow) && !now.contains(fact.first);
  });
  return started;
}

}  // namespace bulkhead::vmspec
