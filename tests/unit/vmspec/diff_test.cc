// SPDX-License-Identifier: GPL-2.0-or-later
/// Diff(): every difference is told, what opens is told as such, and the way back mirrors it (X1).
#include "vmspec/diff.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <tuple>

#include "tests/unit/vmspec/random_sets.h"
#include "tests/unit/vmspec/spec_sets.h"
#include "vmspec/base/sanitize.h"

namespace bulkhead::vmspec {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// One of everything.
SpecSet Everything() {
  SetMaker set;
  set.AddLevel("low", 0);
  set.AddLevel("high", 1);
  set.AddUplink("net", 0, "eth0");
  set.AddKey("k");
  set.Use("low", "k", {KeyOperation::kSign});
  set.AddFlow(FlowKind::kTransfer, "low", "high");
  set.AddService("low", "high");
  set.AddDevice("stick", {DeviceClass::kStorage});
  set.AddRule(true, "low", "storage");
  set.spec.host.roles["user"] = {"user", {"g"}, {}, {}};
  set.spec.levels.at("low").network.allow.emplace_back();
  set.spec.levels.at("low").network.deny.emplace_back();
  set.spec.levels.at("low").applications = {
      {{"r", "https://r", {}}}, {"a.b"}, {{"a.b", {"x"}, {}}}};
  return set.spec;
}

struct Mutation {
  const char* field;
  std::function<void(SpecSet&)> change;
};

Level& Low(SpecSet& s) { return s.levels.at("low"); }
Flow& TheFlow(SpecSet& s) { return s.flows.begin()->second; }
Uplink& Net(SpecSet& s) { return s.uplinks.at("net"); }
Service& TheService(SpecSet& s) { return s.services.begin()->second; }

/// A field that is added to the model does not compile here until it has a mutation below, and
/// that fails until it has a fact.
[[maybe_unused]] void EveryFieldIsKnown(const SpecSet& set, const Level& level) {
  [[maybe_unused]] const auto& [host, levels, flows, uplinks, services, recipients, keys, devices,
                                rules] = set;
  {
    [[maybe_unused]] const auto& [a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15,
                                  a16, a17, a18, a19, a20, a21, a22, a23, a24, a25, a26, a27, a28,
                                  a29, a30, a31] = level;
  }
  {
    [[maybe_unused]] const auto& [b1, b2, b3, b4, b5, b6, b7, b8, b9] = level.network;
  }
  {
    [[maybe_unused]] const auto& [c1, c2, c3, c4, c5, c6, c7] = level.network.allow[0];
  }
  {
    [[maybe_unused]] const auto& [d1, d2, d3, d4, d5, d6, d7, d8, d9] = level.devices[0];
  }
  {
    [[maybe_unused]] const auto& [e1, e2, e3, e4, e5, e6, e7] = level.display;
  }
  {
    [[maybe_unused]] const auto& [f1, f2, f3, f4, f5, f6] = level.keys[0];
  }
  {
    [[maybe_unused]] const auto& [g1, g2, g3, g4, g5] = level.life_cycle;
  }
  {
    [[maybe_unused]] const auto& [h1, h2, h3, h4, h5] = level.updates;
  }
  {
    [[maybe_unused]] const auto& [i1, i2, i3, i4, i5] = level.image_policy;
  }
  {
    [[maybe_unused]] const auto& [j1, j2, j3, j4, j5, j6, j7, j8, j9, j10] = set.host;
  }
  {
    [[maybe_unused]] const auto& [k1, k2, k3, k4, k5, k6, k7, k8, k9, k10, k11, k12, k13, k14, k15,
                                  k16, k17, k18, k19] = set.flows.begin()->second;
  }
  {
    [[maybe_unused]] const auto& [l1, l2, l3, l4, l5, l6, l7, l8, l9] = set.uplinks.begin()->second;
  }
  {
    [[maybe_unused]] const auto& [m1, m2, m3, m4, m5, m6, m7] = set.services.begin()->second;
  }
  {
    [[maybe_unused]] const auto& [n1, n2, n3, n4, n5, n6, n7, n8] = set.device_rules[0];
  }
  {
    [[maybe_unused]] const auto& [o1, o2, o3, o4, o5, o6, o7, o8] = set.devices.begin()->second;
  }
}

std::vector<Mutation> LevelMutations() {
  return {
      {"title", [](SpecSet& s) { Low(s).title = "x"; }},
      {"uuid", [](SpecSet& s) { Low(s).uuid = "x"; }},
      {"label", [](SpecSet& s) { Low(s).label.compartments = {"x"}; }},
      {"colour", [](SpecSet& s) { Low(s).colour = "#000000"; }},
      {"icon", [](SpecSet& s) { Low(s).icon = "x"; }},
      {"image", [](SpecSet& s) { Low(s).image = "x"; }},
      {"image.digest", [](SpecSet& s) { Low(s).image_policy.digest = "any"; }},
      {"image.signed-by", [](SpecSet& s) { Low(s).image_policy.signed_by = "x"; }},
      {"image.boot", [](SpecSet& s) { Low(s).image_policy.boot = BootWay::kUefi; }},
      {"image.secure-boot", [](SpecSet& s) { Low(s).image_policy.secure_boot = true; }},
      {"image.kernel", [](SpecSet& s) { Low(s).image_policy.kernel = KernelTrack::kStable; }},
      {"resources.vcpus", [](SpecSet& s) { Low(s).vcpus = 2; }},
      {"resources.memory", [](SpecSet& s) { Low(s).memory_mib = 513; }},
      {"resources.memory-max", [](SpecSet& s) { Low(s).memory_max_mib = 513; }},
      {"resources.cpu-quota", [](SpecSet& s) { Low(s).cpu_quota_percent = 50; }},
      {"resources.cpu-weight", [](SpecSet& s) { Low(s).cpu_weight = 50; }},
      {"resources.io-weight", [](SpecSet& s) { Low(s).io_weight = 50; }},
      {"resources.io-read", [](SpecSet& s) { Low(s).io_read_bytes_per_s = 50; }},
      {"resources.io-write", [](SpecSet& s) { Low(s).io_write_bytes_per_s = 50; }},
      {"state.kind", [](SpecSet& s) { Low(s).persistent = false; }},
      {"state.size", [](SpecSet& s) { Low(s).state_mib = 50; }},
      {"state.encryption", [](SpecSet& s) { Low(s).encryption = Encryption::kUser; }},
      {"state.snapshots", [](SpecSet& s) { Low(s).snapshots = 1; }},
      {"autostart", [](SpecSet& s) { Low(s).autostart = true; }},
      {"display.3d", [](SpecSet& s) { Low(s).display.three_d = true; }},
      {"display.screens", [](SpecSet& s) { Low(s).display.screens = 2; }},
      {"display.border", [](SpecSet& s) { Low(s).display.border = "dotted"; }},
      {"display.clipboard-out", [](SpecSet& s) { Low(s).display.clipboard_out = {"high"}; }},
      {"display.clipboard-in", [](SpecSet& s) { Low(s).display.clipboard_in = {"high"}; }},
      {"key", [](SpecSet& s) { Low(s).keys.clear(); }},
      {"key.k.operations", [](SpecSet& s) { Low(s).keys[0].operations.clear(); }},
      {"key.k.mechanisms", [](SpecSet& s) { Low(s).keys[0].mechanisms = {"M"}; }},
      {"key.k.confirm", [](SpecSet& s) { Low(s).keys[0].confirm = true; }},
      {"key.k.per-minute", [](SpecSet& s) { Low(s).keys[0].per_minute = 3; }},
      {"life-cycle.order", [](SpecSet& s) { Low(s).life_cycle.order = 3; }},
      {"life-cycle.idle-suspend", [](SpecSet& s) { Low(s).life_cycle.idle_suspend_s = 3; }},
      {"life-cycle.disposable", [](SpecSet& s) { Low(s).life_cycle.disposable = true; }},
      {"life-cycle.preload", [](SpecSet& s) { Low(s).life_cycle.preload = true; }},
      {"life-cycle.on-crash", [](SpecSet& s) { Low(s).life_cycle.on_crash = OnCrash::kRestart; }},
      {"updates.channel", [](SpecSet& s) { Low(s).updates.channel = "x"; }},
      {"updates.window", [](SpecSet& s) { Low(s).updates.window_start_min = 3; }},
      {"updates.window", [](SpecSet& s) { Low(s).updates.window_end_min = 3; }},
      {"updates.health-gate", [](SpecSet& s) { Low(s).updates.health_gate_s = 3; }},
      {"updates.automatic", [](SpecSet& s) { Low(s).updates.automatic = true; }},
      {"applications.remote", [](SpecSet& s) { Low(s).applications.remotes.clear(); }},
      {"applications.remote", [](SpecSet& s) { Low(s).applications.remotes[0].url = "x"; }},
      {"applications.install", [](SpecSet& s) { Low(s).applications.install.clear(); }},
      {"applications.override", [](SpecSet& s) { Low(s).applications.overrides.clear(); }},
      {"applications.override",
       [](SpecSet& s) { Low(s).applications.overrides[0].arguments = {"x, y"}; }},
      {"roles.start", [](SpecSet& s) { Low(s).roles.start = {"user"}; }},
      {"roles.stop", [](SpecSet& s) { Low(s).roles.stop = {"user"}; }},
      {"roles.edit", [](SpecSet& s) { Low(s).roles.edit = {"user"}; }},
  };
}

std::vector<Mutation> NetworkMutations() {
  auto rule = [](SpecSet& s) -> NetRule& { return Low(s).network.allow[0]; };
  return {
      {"network.uplink", [](SpecSet& s) { Low(s).network.uplink = "net"; }},
      {"network.allow", [](SpecSet& s) { Low(s).network.allow.emplace_back(); }},
      {"network.allow", [=](SpecSet& s) { rule(s).protocol = Protocol::kTcp; }},
      {"network.allow", [=](SpecSet& s) { rule(s).to = *ParsePrefix("10.0.0.0/8"); }},
      {"network.allow", [=](SpecSet& s) { rule(s).to_name = "x"; }},
      {"network.allow", [=](SpecSet& s) { rule(s).until_unix_s = 5; }},
      {"network.allow", [=](SpecSet& s) { rule(s).comment = "x"; }},
      {"network.deny", [](SpecSet& s) { Low(s).network.deny.clear(); }},
      {"network.ipv4", [](SpecSet& s) { Low(s).network.address4 = Prefix{}; }},
      {"network.ipv6", [](SpecSet& s) { Low(s).network.address6 = Prefix{}; }},
      {"network.dns", [](SpecSet& s) { Low(s).network.dns = {Prefix{}}; }},
      {"network.bandwidth-out", [](SpecSet& s) { Low(s).network.out_bits_per_s = 5; }},
      {"network.bandwidth-in", [](SpecSet& s) { Low(s).network.in_bits_per_s = 5; }},
  };
}

DevicePolicy& Usb(SpecSet& s) { return Low(s).Device(DeviceClass::kUsb); }

std::vector<Mutation> DeviceMutations() {
  auto rule = [](SpecSet& s) -> DeviceRule& { return s.device_rules[0]; };
  auto stick = [](SpecSet& s) -> KnownDevice& { return s.devices.at("stick"); };
  return {
      {"devices.usb", [](SpecSet& s) { Usb(s).mode = GrantMode::kAsk; }},
      {"devices.usb", [](SpecSet& s) { Usb(s).mode = GrantMode::kRequired; }},
      {"devices.usb.write", [](SpecSet& s) { Usb(s).write = true; }},
      {"devices.usb.marked-only", [](SpecSet& s) { Usb(s).marked_only = true; }},
      {"devices.usb.time-limit", [](SpecSet& s) { Usb(s).time_limit_s = 3; }},
      {"devices.usb.max-pages", [](SpecSet& s) { Usb(s).max_pages = 3; }},
      {"devices.usb.banner", [](SpecSet& s) { Usb(s).banner = true; }},
      {"devices.usb.relying-parties", [](SpecSet& s) { Usb(s).relying_parties = {"x"}; }},
      {"devices.usb.ids", [](SpecSet& s) { Usb(s).usb_ids = {"x"}; }},
      {"deny", [](SpecSet& s) { s.device_rules.clear(); }},
      {"deny", [=](SpecSet& s) { rule(s).deny = false; }},
      {"deny", [=](SpecSet& s) { rule(s).level = "*"; }},
      {"deny", [=](SpecSet& s) { rule(s).device_class = "*"; }},
      {"deny", [=](SpecSet& s) { rule(s).path = "x"; }},
      {"deny", [=](SpecSet& s) { rule(s).serial = "x"; }},
      {"deny", [=](SpecSet& s) { rule(s).usb_id = "x"; }},
      {"deny", [=](SpecSet& s) { rule(s).comment = "x"; }},
      {"classes", [=](SpecSet& s) { stick(s).classes = {DeviceClass::kUsb}; }},
      {"serial", [=](SpecSet& s) { stick(s).serial = "x"; }},
      {"path", [=](SpecSet& s) { stick(s).path = "x"; }},
      {"usb-id", [=](SpecSet& s) { stick(s).usb_id = "x"; }},
      {"keeps-data", [=](SpecSet& s) { stick(s).keeps_data = !stick(s).keeps_data; }},
      {"label", [=](SpecSet& s) { stick(s).label = Label{}; }},
  };
}

std::vector<Mutation> FlowMutations() {
  return {
      {"from", [](SpecSet& s) { TheFlow(s).from = "x"; }},
      {"to", [](SpecSet& s) { TheFlow(s).to = "x"; }},
      {"kind", [](SpecSet& s) { TheFlow(s).kind = FlowKind::kDecrypt; }},
      {"max-file", [](SpecSet& s) { TheFlow(s).max_file_bytes = 5; }},
      {"quota", [](SpecSet& s) { TheFlow(s).quota_bytes = 5; }},
      {"max-files", [](SpecSet& s) { TheFlow(s).max_files = 5; }},
      {"files-per-hour", [](SpecSet& s) { TheFlow(s).files_per_hour = 5; }},
      {"types", [](SpecSet& s) { TheFlow(s).types = {"image/*"}; }},
      {"confirm", [](SpecSet& s) { TheFlow(s).confirm = true; }},
      {"confirm-timeout", [](SpecSet& s) { TheFlow(s).confirm_timeout_s = 5; }},
      {"scanner", [](SpecSet& s) { TheFlow(s).scanner = Scanner::kClamav; }},
      {"re-render", [](SpecSet& s) { TheFlow(s).re_render = true; }},
      {"recipients", [](SpecSet& s) { TheFlow(s).recipients = {"k"}; }},
      {"sign-with", [](SpecSet& s) { TheFlow(s).sign_with = "k"; }},
      {"decrypt-with", [](SpecSet& s) { TheFlow(s).decrypt_with = {"k"}; }},
      {"reason", [](SpecSet& s) { TheFlow(s).reason = "k"; }},
      {"approved-by", [](SpecSet& s) { TheFlow(s).approved_by = {"k"}; }},
      {"", [](SpecSet& s) { s.flows.clear(); }},
      {"certificate", [](SpecSet& s) { s.recipients.at("k").certificate = "x"; }},
      {"key", [](SpecSet& s) { s.recipients.at("k").key = "x"; }},
      {"", [](SpecSet& s) { s.recipients.clear(); }},
      {"token", [](SpecSet& s) { s.keys.at("k").token = "x"; }},
      {"object", [](SpecSet& s) { s.keys.at("k").object = "x"; }},
      {"id", [](SpecSet& s) { s.keys.at("k").id = "x"; }},
  };
}

std::vector<Mutation> HostMutations() {
  return {
      {"kind", [](SpecSet& s) { Net(s).kind = UplinkKind::kIpsec; }},
      {"interface", [](SpecSet& s) { Net(s).interface = "x"; }},
      {"vlan", [](SpecSet& s) { Net(s).vlan = 7; }},
      {"label", [](SpecSet& s) { Net(s).label.rank = 7; }},
      {"routes-to", [](SpecSet& s) { Net(s).routes_to = {"x"}; }},
      {"ipsec.remote", [](SpecSet& s) { Net(s).ipsec.remote = "x"; }},
      {"ipsec.local-id", [](SpecSet& s) { Net(s).ipsec.local_id = "x"; }},
      {"ipsec.remote-id", [](SpecSet& s) { Net(s).ipsec.remote_id = "x"; }},
      {"ipsec.certificate", [](SpecSet& s) { Net(s).ipsec.certificate = "x"; }},
      {"from", [](SpecSet& s) { TheService(s).from = "x"; }},
      {"to", [](SpecSet& s) { TheService(s).to = "x"; }},
      {"protocol", [](SpecSet& s) { TheService(s).protocol = Protocol::kUdp; }},
      {"ports", [](SpecSet& s) { TheService(s).ports = {{5, 6}}; }},
      {"comment", [](SpecSet& s) { TheService(s).comment = "x"; }},
      {"acceleration.accel", [](SpecSet& s) { s.host.accel = Accel::kTcg; }},
      {"acceleration.allow-tcg", [](SpecSet& s) { s.host.allow_tcg = true; }},
      {"guest.hello-timeout", [](SpecSet& s) { s.host.hello_timeout_s = 7; }},
      {"addresses.ipv4", [](SpecSet& s) { s.host.pool4 = *ParsePrefix("10.0.0.0/8"); }},
      {"addresses.ipv6", [](SpecSet& s) { s.host.pool6 = *ParsePrefix("fd00::/32"); }},
      {"limits.memory", [](SpecSet& s) { s.host.limit_memory_mib = 7; }},
      {"limits.vcpus", [](SpecSet& s) { s.host.limit_vcpus = 7; }},
      {"groups", [](SpecSet& s) { s.host.roles.at("user").groups.clear(); }},
      {"users", [](SpecSet& s) { s.host.roles.at("user").users = {"x"}; }},
      {"", [](SpecSet& s) { s.host.roles["x"] = {"x", {}, {}, {}}; }},
  };
}

std::vector<Mutation> Mutations() {
  std::vector<Mutation> all;
  for (auto part : {LevelMutations(), NetworkMutations(), DeviceMutations(), FlowMutations(),
                    HostMutations()}) {
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

TEST(Diff, TellsTheChangeOfEveryFieldOfTheModel) {
  for (const Mutation& mutation : Mutations()) {
    SpecSet before = Everything();
    SpecSet after = Everything();
    mutation.change(after);
    Difference difference = Diff(before, after);
    auto fields = [&](const Change& change) { return change.key.field == mutation.field; };
    EXPECT_TRUE(std::ranges::any_of(difference.changes, fields)) << mutation.field;
  }
}

/// The changes as facts to be taken over.
using Facts = std::map<FactKey, std::pair<std::string, std::uint64_t>>;

Facts AsMap(const SpecSet& spec) {
  Facts out;
  for (const Fact& fact : FactsOf(spec)) {
    std::string items;
    std::string value = fact.key.field.empty() ? "" : fact.value;  // a summary of the others
    for (const std::string& item : fact.items) items += item + "\n";
    EXPECT_TRUE(out.emplace(fact.key, std::pair(value + "\n" + items, fact.measure)).second);
  }
  return out;
}

bool BelongsTo(const FactKey& key, const FactKey& changed) {
  if (key.kind != changed.kind || key.name != changed.name) return false;
  return changed.field.empty() || key == changed ||
         (changed.field == "key" && key.field.starts_with("key." + changed.element + "."));
}

/// `before` with all that `changes` name as it is in `after`, and nothing else.
Facts Carried(Facts before, const Facts& after, const std::vector<Change>& changes) {
  for (const Change& change : changes) {
    std::erase_if(before, [&](const auto& fact) { return BelongsTo(fact.first, change.key); });
    for (const auto& fact : after) {
      if (BelongsTo(fact.first, change.key)) before.insert(fact);
    }
  }
  return before;
}

using Told = std::tuple<FactKey, std::optional<std::string>, std::optional<std::string>>;

std::vector<Told> ToldAs(const Difference& d, Effect effect, bool swapped) {
  std::vector<Told> out;
  for (const Change& c : d.changes) {
    if (c.effect != effect) continue;
    out.emplace_back(c.key, swapped ? c.after : c.before, swapped ? c.before : c.after);
  }
  return out;
}

std::vector<std::tuple<FlowPair, bool, std::string>> Ways(const Difference& d, Effect effect) {
  std::vector<std::tuple<FlowPair, bool, std::string>> out;
  for (const FlowChange& c : d.flows) {
    if (c.effect == effect) out.emplace_back(c.pair, c.direct, c.way);
  }
  return out;
}

void ExpectMirrored(const Difference& there, const Difference& back) {
  EXPECT_EQ(ToldAs(there, Effect::kOpens, false), ToldAs(back, Effect::kCloses, true));
  EXPECT_EQ(ToldAs(there, Effect::kCloses, false), ToldAs(back, Effect::kOpens, true));
  EXPECT_EQ(ToldAs(there, Effect::kChanges, false), ToldAs(back, Effect::kChanges, true));
  EXPECT_EQ(Ways(there, Effect::kOpens), Ways(back, Effect::kCloses));
  EXPECT_EQ(Ways(there, Effect::kCloses), Ways(back, Effect::kOpens));
}

TEST(Diff, OfRandomSetsExplainsAllThatIsDifferentAndMirrors) {
  for (std::uint32_t seed = 0; seed < 150; ++seed) {
    SpecSet a = RandomSet(seed).spec();
    SpecSet b = RandomSet(seed + 10'000).spec();
    EXPECT_TRUE(Diff(a, a).empty()) << seed;
    Difference there = Diff(a, b);
    ExpectMirrored(there, Diff(b, a));
    EXPECT_TRUE(Carried(AsMap(a), AsMap(b), there.changes) == AsMap(b)) << seed;
    if (HasFailure()) return;
  }
}

TEST(Diff, OfEveryMutationExplainsAllThatIsDifferentAndMirrors) {
  SpecSet a = Everything();
  for (const Mutation& mutation : Mutations()) {
    SpecSet b = Everything();
    mutation.change(b);
    Difference there = Diff(a, b);
    ExpectMirrored(there, Diff(b, a));
    EXPECT_TRUE(Carried(AsMap(a), AsMap(b), there.changes) == AsMap(b)) << mutation.field;
  }
}

/// The set of the files with that text in place of the other.
SpecSet Edited(const std::string& file, const std::string& old, const std::string& text) {
  CheckedSpec checked = CheckSpec(Changed(file, old, text));
  EXPECT_TRUE(checked.ok()) << FormatDiagnostics(SoundSet(), checked, false);
  return checked.spec;
}
SpecSet Sound() { return CheckSpec(SoundSet()).spec; }

/// "OPENS level low: network.allow gains ... @ levels/low.toml:7"
std::vector<std::string> Sentences(const Difference& d) {
  std::vector<std::string> out;
  for (const Change& c : d.changes) {
    const Origin& origin = c.after ? c.origin_after : c.origin_before;
    out.push_back(std::string(NameOf(c.effect)) + " " + SubjectOf(c.key) + ": " + SentenceOf(c) +
                  " @ " + origin.ToString());
  }
  for (const FlowChange& c : d.flows) {
    out.push_back(std::string(NameOf(c.effect)) + " " + SentenceOf(c.pair.from) + " -> " +
                  SentenceOf(c.pair.to) + (c.direct ? ": " + c.way : " (far)"));
  }
  return out;
}

TEST(Diff, TellsARuleThatOpensOneThatClosesAndWhatChanges) {
  SpecSet after = Edited("levels/low.toml", "{ to = \"192.0.2.1\", tcp = 443 }",
                         "{ to = \"10.0.0.0/8\", udp = [53, 5353], comment = \"names\" }");
  after.levels.at("low").memory_mib = 1024;
  EXPECT_THAT(Sentences(Diff(Sound(), after)),
              ElementsAre("OPENS level low: network.allow gains 10.0.0.0/8 udp 53,5353  # names @ "
                          "levels/low.toml:7",
                          "CLOSES level low: network.allow loses 192.0.2.1 tcp 443 @ "
                          "levels/low.toml:7",
                          "CHANGES level low: resources.memory: 512 MiB -> 1 GiB @ "
                          "levels/low.toml:1"));
}

TEST(Diff, NamesTheLevelsThatNeedARestartAndNoOther) {
  SpecSet after = Sound();
  after.levels.at("low").memory_mib = 1024;
  after.levels.at("high").title = "x";
  EXPECT_THAT(Diff(Sound(), after).restarts, ElementsAre("low"));
  SpecSet fewer = Sound();
  fewer.levels.erase("low");
  EXPECT_THAT(Diff(Sound(), fewer).restarts, IsEmpty());
}

TEST(Diff, WhatNeedsARestartIsWhatHostdWouldName) {
  auto restarts = [](void (*change)(SpecSet&)) {
    SpecSet after = Sound();
    change(after);
    return Diff(Sound(), after).restarts;
  };
  EXPECT_THAT(restarts([](SpecSet& s) { s.levels.at("high").image_policy.digest = "sha256:1"; }),
              ElementsAre("high"));
  // Rules reach a running level, and another uplink is other rules; an interface is there or not.
  EXPECT_THAT(restarts([](SpecSet& s) { s.levels.at("low").network.uplink = "other"; }), IsEmpty());
  EXPECT_THAT(restarts([](SpecSet& s) { s.levels.at("low").network.uplink = ""; }),
              ElementsAre("low"));
  EXPECT_THAT(restarts([](SpecSet& s) { s.host.pool4 = *ParsePrefix("10.9.0.0/16"); }),
              ElementsAre("low"));
  EXPECT_THAT(restarts([](SpecSet& s) { s.host.accel = Accel::kTcg; }), ElementsAre("high", "low"));
}

TEST(Diff, AFlowThatIsNewNeedsARestartAtBothEndsAndOneThatIsGoneAtNone) {
  SpecSet fewer = Sound();
  fewer.flows.clear();
  EXPECT_THAT(Diff(fewer, Sound()).restarts, ElementsAre("high", "low"));
  EXPECT_THAT(Diff(Sound(), fewer).restarts, IsEmpty());
}

TEST(Diff, TellsBetweenWhomInformationCanNewlyFlow) {
  SpecSet before = Sound();
  before.flows.clear();
  std::vector<std::string> told = Sentences(Diff(before, Sound()));
  EXPECT_THAT(told, Contains("OPENS flow up: is new: transfer low -> high @ flows.toml:2"));
  EXPECT_THAT(told, Contains(HasSubstr("OPENS low -> high: flow \"up\"")));
  EXPECT_THAT(told, Contains("OPENS uplink office -> high (far)"));
  EXPECT_THAT(Sentences(Diff(Sound(), before)), Contains("CLOSES uplink office -> high (far)"));
}

TEST(Diff, OfANewLevelTellsWhatItMayAndNotEveryField) {
  SpecSet before = Sound();
  before.levels.erase("low");
  before.flows.clear();
  SpecSet after = Sound();
  after.flows.clear();
  std::vector<std::string> told = Sentences(Diff(before, after));
  EXPECT_THAT(told, Contains("CHANGES level low: is new: label 0 @ levels/low.toml:1"));
  EXPECT_THAT(told, Contains("OPENS level low: network.uplink gains office @ levels/low.toml:6"));
  EXPECT_EQ(told.size(), 5U) << "its rule, its uplink, that it is new, and a way each way";
}

TEST(Diff, KnowsThatTheFirstAllowOfADeviceClosesAndTheNextOpens) {
  SetMaker set;
  set.AddLevel("low", 0);
  SpecSet none = set.spec;
  set.AddRule(false, "low", "storage").serial = "one";
  SpecSet one = set.spec;
  set.AddRule(false, "low", "storage").serial = "two";
  EXPECT_EQ(Diff(none, one).changes.at(0).effect, Effect::kCloses);
  EXPECT_EQ(Diff(one, set.spec).changes.at(0).effect, Effect::kOpens);
}

TEST(Diff, KnowsThatAnEmptyListOfTypesLetsEverythingThrough) {
  auto types = [](std::vector<std::string> words) {
    SpecSet set = Sound();
    set.flows.at("up").types = std::move(words);
    return set;
  };
  EXPECT_EQ(Diff(types({}), types({"text/plain"})).changes.at(0).effect, Effect::kCloses);
  EXPECT_EQ(Diff(types({"text/plain"}), types({"image/*", "text/plain"})).changes.at(0).effect,
            Effect::kOpens);
  EXPECT_EQ(Diff(types({"a/b"}), types({"c/d"})).changes.size(), 2U);
}

TEST(Diff, CannotBeMadeToPrintEscapes) {
  SpecSet after = Sound();
  after.levels.at("low").title = "\x1b[31mred";
  after.levels.at("low").display.clipboard_out = {"\x1b]0;x\a"};
  for (const std::string& line : Sentences(Diff(Sound(), after))) {
    EXPECT_EQ(line.find('\x1b'), line.npos);
    EXPECT_EQ(line.find('\a'), line.npos);
  }
}

}  // namespace
}  // namespace bulkhead::vmspec
