// SPDX-License-Identifier: GPL-2.0-or-later
/// The facts of one level.
#include <array>
#include <cstdio>

#include "vmspec/fact_list.h"
#include "vmspec/scalars.h"

namespace bulkhead::vmspec {

namespace {

/// How far each mode opens: "required" lends no more than "automatic".
constexpr std::uint64_t kModeMeasures[] = {0, 1, 2, 3, 3};

std::string Mib(std::uint32_t mib) { return FormatSize(std::uint64_t{mib} << 20); }

std::string ThroughputText(std::uint64_t bytes_per_s) {
  return bytes_per_s == 0 ? "no limit" : FormatSize(bytes_per_s);
}

/// "02:05"
std::string ClockText(std::uint16_t minutes) {
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "%02u:%02u", minutes / 60U, minutes % 60U);
  return text.data();
}

void AddIdentity(const Level& level, FactList& list) {
  list.Plain("title", level.title);
  list.Plain("uuid", level.uuid);
  list.Plain("label", level.label.ToString()).origin =
      level.label_origin.line != 0 ? level.label_origin : level.origin;
  list.Plain("colour", level.colour);
  list.Plain("icon", level.icon);
  list.Flag("autostart", level.autostart);
}

std::vector<std::string> OneOrAny(const std::string& word) {
  return word.empty() ? std::vector<std::string>{} : std::vector<std::string>{word};
}

void AddImage(const Level& level, FactList& list) {
  const ImagePolicy& policy = level.image_policy;
  list.Plain("image", level.image);
  list.AnyOf("image.digest", OneOrAny(policy.digest));
  list.AnyOf("image.signed-by", OneOrAny(policy.signed_by));
  list.Plain("image.boot", std::string(NameOf(policy.boot)));
  list.Flag("image.secure-boot", policy.secure_boot, false);
  list.Plain("image.kernel", std::string(NameOf(policy.kernel)));
}

void AddResources(const Level& level, FactList& list) {
  list.Plain("resources.vcpus", level.vcpus);
  list.Plain("resources.memory", Mib(level.memory_mib));
  list.Plain("resources.memory-max", Mib(level.memory_max_mib));
  list.Plain("resources.cpu-quota", level.cpu_quota_percent);
  list.Plain("resources.cpu-weight", level.cpu_weight);
  list.Plain("resources.io-weight", level.io_weight);
  list.Plain("resources.io-read", ThroughputText(level.io_read_bytes_per_s));
  list.Plain("resources.io-write", ThroughputText(level.io_write_bytes_per_s));
  list.Plain("state.kind", level.persistent ? "persistent" : "ephemeral");
  list.Plain("state.size", Mib(level.state_mib));
  list.Measured("state.encryption", std::string(NameOf(level.encryption)),
                level.encryption == Encryption::kNone ? 1 : 0);
  list.Plain("state.snapshots", level.snapshots);
}

std::string RuleText(const NetRule& rule) {
  std::string to = rule.to_name.empty() ? rule.to.ToString() : rule.to_name;
  if (rule.protocol == Protocol::kAny) return to;
  std::string ports = rule.ports.empty() ? "" : " " + PortsText(rule.ports);
  return to + " " + std::string(NameOf(rule.protocol)) + ports;
}

void AddRules(std::string_view field, const std::vector<NetRule>& rules, Weight weight,
              FactList& list) {
  for (const NetRule& rule : rules) {
    std::string value = rule.until_unix_s == 0 ? "" : "until " + FormatMoment(rule.until_unix_s);
    if (!rule.comment.empty()) value += (value.empty() ? "# " : " # ") + rule.comment;
    Fact& fact = list.Element(field, RuleText(rule), weight, std::move(value));
    fact.measure =
        rule.until_unix_s == 0 ? kNoLimit : static_cast<std::uint64_t>(rule.until_unix_s);
    if (rule.origin.line != 0) fact.origin = rule.origin;
  }
}

void AddKeys(const Level& level, FactList& list) {
  for (const KeyUse& use : level.keys) {
    list.At(use.origin);
    const std::string field = "key." + use.key;
    list.Element("key", use.key, Weight::kOpening);
    for (KeyOperation operation : use.operations) {
      list.Element(field + ".operations", std::string(NameOf(operation)), Weight::kOpening);
    }
    list.AnyOf(field + ".mechanisms", use.mechanisms);
    list.Flag(field + ".confirm", use.confirm, false);
    list.Limit(field + ".per-minute", use.per_minute);
  }
}

void AddLife(const Level& level, FactList& list) {
  const LifeCycle& life = level.life_cycle;
  list.Plain("life-cycle.order", life.order);
  list.Plain("life-cycle.idle-suspend", DurationText(life.idle_suspend_s));
  list.Flag("life-cycle.disposable", life.disposable);
  list.Flag("life-cycle.preload", life.preload);
  list.Plain("life-cycle.on-crash", std::string(NameOf(life.on_crash)));
  const Updates& updates = level.updates;
  list.Plain("updates.channel", updates.channel);
  bool any_time = updates.window_start_min == updates.window_end_min;
  std::string window =
      ClockText(updates.window_start_min) + "-" + ClockText(updates.window_end_min);
  list.Plain("updates.window", any_time ? "any time" : window);
  list.Plain("updates.health-gate", DurationText(updates.health_gate_s));
  list.Flag("updates.automatic", updates.automatic);
}

void AddApplications(const Applications& applications, FactList& list) {
  for (const FlatpakRemote& remote : applications.remotes) {
    list.Element("applications.remote", remote.name, Weight::kOpening, remote.url);
  }
  list.Elements("applications.install", applications.install, Weight::kMember);
  for (const FlatpakOverride& each : applications.overrides) {
    list.Element("applications.override", each.application, Weight::kMember,
                 Escaped(each.arguments));
  }
}

void AddDisplay(const Display& display, FactList& list) {
  list.Flag("display.3d", display.three_d, true);
  list.Plain("display.screens", display.screens);
  list.Plain("display.border", display.border);
  list.At(display.clipboard_out_origin);
  list.Elements("display.clipboard-out", display.clipboard_out, Weight::kOpening);
  list.At(display.clipboard_in_origin);
  list.Elements("display.clipboard-in", display.clipboard_in, Weight::kOpening);
}

}  // namespace

void AddLevelNetworkFacts(const LevelNetwork& network, FactList& list) {
  list.At(network.origin);
  auto address = [](const std::optional<Prefix>& p) { return p ? p->ToString() : "from the pool"; };
  list.Grant("network.uplink", network.uplink, network.uplink.empty() ? 0 : 1);
  AddRules("network.allow", network.allow, Weight::kOpening, list);
  AddRules("network.deny", network.deny, Weight::kClosing, list);
  list.Plain("network.ipv4", address(network.address4));
  list.Plain("network.ipv6", address(network.address6));
  std::vector<std::string> servers;
  for (const Prefix& server : network.dns) servers.push_back(server.ToString());
  list.Plain("network.dns", Escaped(servers));
  list.Limit("network.bandwidth-out", FormatBitRate(network.out_bits_per_s),
             network.out_bits_per_s);
  list.Limit("network.bandwidth-in", FormatBitRate(network.in_bits_per_s), network.in_bits_per_s);
}

void AddLevelDeviceFacts(const Level& level, FactList& list) {
  for (std::size_t i = 0; i < level.devices.size(); ++i) {
    const DevicePolicy& policy = level.devices[i];
    const std::string field = "devices." + std::string(kDeviceClassNames[i]);
    auto mode = static_cast<std::size_t>(policy.mode);
    list.At(policy.origin);
    list.Grant(field, std::string(NameOf(policy.mode)), kModeMeasures[mode]);
    list.Flag(field + ".write", policy.write, true);
    list.Flag(field + ".marked-only", policy.marked_only, false);
    list.Limit(field + ".time-limit", DurationText(policy.time_limit_s), policy.time_limit_s);
    list.Limit(field + ".max-pages", policy.max_pages);
    list.Flag(field + ".banner", policy.banner);
    list.AnyOf(field + ".relying-parties", policy.relying_parties);
    list.AnyOf(field + ".ids", policy.usb_ids);
  }
}

void AddLevelFacts(const Level& level, FactList& list) {
  list.Begin("level", level.name, level.origin);
  list.Exists(Weight::kMember, "label " + level.label.ToString());
  AddIdentity(level, list);
  AddImage(level, list);
  AddResources(level, list);
  AddLife(level, list);
  AddApplications(level.applications, list);
  list.EachOf("roles.start", level.roles.start);
  list.EachOf("roles.stop", level.roles.stop);
  list.EachOf("roles.edit", level.roles.edit);
  AddLevelNetworkFacts(level.network, list);
  AddLevelDeviceFacts(level, list);
  list.At(level.origin);
  AddDisplay(level.display, list);
  AddKeys(level, list);
}

}  // namespace bulkhead::vmspec
