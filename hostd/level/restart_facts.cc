// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/level/restart_facts.h"

#include "netpolicy/policy.h"
#include "vmspec/base/sha256.h"

namespace bulkhead::hostd {

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

std::string Addresses(const AppliedSpec& applied, const vmspec::Level& level) {
  auto link = netpolicy::LinkFor(applied.spec, level, applied.levels.at(level.name));
  if (!link) return {};
  std::string text = Hex(link->guest4) + " " + Hex(link->guest6);
  for (const auto& own : {level.network.address4, level.network.address6}) {
    text += " " + (own ? own->ToString() : "pool");
  }
  for (const auto& server : level.network.dns) text += " " + server.ToString();
  return text;
}

}  // namespace

RestartFacts FactsOf(const AppliedSpec& applied, const vmspec::Level& level) {
  const vmspec::ImagePolicy& image = level.image_policy;
  bool network = !level.network.uplink.empty();
  RestartFacts facts = {
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
      {"acceleration", Join(applied.spec.host.accel)},
      {"network interface", network ? "yes" : "no"},
      {"addresses", network ? Addresses(applied, level) : ""},
  };
  for (const auto& [name, flow] : applied.spec.flows) {
    std::string key = std::string(kFlow) + name;
    if (flow.from == level.name) facts[key] = "to " + flow.to;
    if (flow.to == level.name) facts[key] = "from " + flow.from;
  }
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

RestartFacts WithoutGoneFlows(RestartFacts started, const RestartFacts& now) {
  std::erase_if(started, [&](const auto& fact) {
    return fact.first.starts_with(kFlow) && !now.contains(fact.first);
  });
  return started;
}

}  // namespace bulkhead::hostd
