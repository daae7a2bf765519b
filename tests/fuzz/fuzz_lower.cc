// SPDX-License-Identifier: GPL-2.0-or-later
/// Any bytes as the fields of a spec set and of a start: the domain that comes of it is well-formed
/// and has exactly the tree of one with harmless texts and the same numbers, or it is refused; the
/// ruleset is printable, and every quote in it is closed. What is refused is refused in words that
/// a log can show.
///
/// The input is a list of fields: a byte that says which, a byte of length, so many bytes. Numbers
/// are little-endian, of as many bytes as there are.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <string>
#include <string_view>

#include "hostd/libvirt/domain_xml.h"
#include "hostd/lower/lower.h"
#include "tests/unit/hostd/xml_shape.h"
#include "vmspec/base/sanitize.h"

namespace {

using namespace bulkhead;
using namespace bulkhead::hostd;

constexpr std::int64_t kNow = 1'750'000'000;

void Demand(bool condition) {
  if (!condition) std::abort();
}

struct Inputs {
  vmspec::SpecSet spec;
  Paths paths;
  StartFacts facts;
  vmspec::Level level;
  vmspec::Uplink uplink{.name = "office", .interface = "eth0"};
};

Inputs Begin() {
  Inputs in;
  in.spec.host.pool4 = *vmspec::ParsePrefix("10.77.0.0/16");
  in.spec.host.pool6 = *vmspec::ParsePrefix("fd77::/64");
  in.level.name = "low";
  in.level.title = "Low";
  in.level.image = "minimal";
  in.facts.kernel = "/k";
  return in;
}

std::uint64_t Number(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes.size() && i < 8; ++i)
    value |= std::uint64_t{static_cast<std::uint8_t>(bytes[i])} << (8 * i);
  return value;
}
std::uint32_t Number32(std::string_view bytes) { return static_cast<std::uint32_t>(Number(bytes)); }

vmspec::Prefix PrefixOf(std::string_view bytes) {
  vmspec::Prefix prefix;
  prefix.v6 = bytes.size() > 5;
  for (std::size_t i = 1; i < bytes.size() && i <= 16; ++i)
    prefix.address[i - 1] = static_cast<std::uint8_t>(bytes[i]);
  prefix.length = bytes.empty() ? 0 : static_cast<std::uint8_t>(bytes[0]);
  return prefix;
}

void AddRule(Inputs& in, std::string_view bytes, bool deny) {
  vmspec::NetRule rule;
  auto at = [&](std::size_t i) {
    return i < bytes.size() ? static_cast<std::uint8_t>(bytes[i]) : 0;
  };
  rule.protocol = static_cast<vmspec::Protocol>(at(0));
  if (at(1) != 0)
    rule.ports = {{static_cast<std::uint16_t>(at(1)), static_cast<std::uint16_t>(at(2))}};
  rule.until_unix_s = at(3) == 0 ? 0 : kNow + at(3) - 128;
  rule.to = PrefixOf(bytes.substr(std::min<std::size_t>(4, bytes.size())));
  rule.origin = {"levels/low.toml", 1, 1, 1};
  (deny ? in.level.network.deny : in.level.network.allow).push_back(rule);
}

void AddFlow(Inputs& in, std::string_view bytes) {
  vmspec::Flow flow;
  flow.name = bytes;
  // Half of them go out, half come in.
  bool out = bytes.size() % 2 == 0;
  flow.from = out ? "\f" : "peer";
  flow.to = out ? "peer" : "\f";
  in.spec.flows[flow.name] = flow;
}

void SetOrigins(Inputs& in, std::string_view bytes) {
  for (auto* rules : {&in.level.network.allow, &in.level.network.deny}) {
    for (vmspec::NetRule& rule : *rules) rule.origin.file = bytes;
  }
}

using Setter = void (*)(Inputs&, std::string_view);
constexpr Setter kSetters[] = {
    [](Inputs& in, std::string_view s) { in.level.name = s; },
    [](Inputs& in, std::string_view s) { in.level.title = s; },
    [](Inputs& in, std::string_view s) { in.level.uuid = s; },
    [](Inputs& in, std::string_view s) { in.level.icon = s; },
    [](Inputs& in, std::string_view s) { in.level.image = s; },
    [](Inputs& in, std::string_view s) { in.paths.run = s; },
    [](Inputs& in, std::string_view s) { in.paths.state = s; },
    [](Inputs& in, std::string_view s) { in.facts.kernel = s; },
    [](Inputs& in, std::string_view s) { in.facts.initrd = s; },
    [](Inputs& in, std::string_view s) { in.facts.cmdline = s; },
    [](Inputs& in, std::string_view s) { in.facts.image_version = s; },
    [](Inputs& in, std::string_view s) { in.uplink.interface = s; },
    [](Inputs& in, std::string_view s) { in.level.network.uplink = s.empty() ? "" : "office"; },
    [](Inputs& in, std::string_view s) { SetOrigins(in, s); },
    [](Inputs& in, std::string_view s) { AddFlow(in, s); },
    [](Inputs& in, std::string_view s) { AddRule(in, s, false); },
    [](Inputs& in, std::string_view s) { AddRule(in, s, true); },
    [](Inputs& in, std::string_view s) { in.level.network.address4 = PrefixOf(s); },
    [](Inputs& in, std::string_view s) { in.level.network.address6 = PrefixOf(s); },
    [](Inputs& in, std::string_view s) { in.level.network.out_bits_per_s = Number(s); },
    [](Inputs& in, std::string_view s) { in.level.network.in_bits_per_s = Number(s); },
    [](Inputs& in, std::string_view s) { in.level.vcpus = Number32(s); },
    [](Inputs& in, std::string_view s) { in.level.memory_mib = Number32(s); },
    [](Inputs& in, std::string_view s) { in.level.memory_max_mib = Number32(s); },
    [](Inputs& in, std::string_view s) { in.level.cpu_quota_percent = Number32(s); },
    [](Inputs& in, std::string_view s) { in.level.cpu_weight = Number32(s); },
    [](Inputs& in, std::string_view s) { in.level.io_read_bytes_per_s = Number(s); },
    [](Inputs& in, std::string_view s) { in.level.io_write_bytes_per_s = Number(s); },
    [](Inputs& in, std::string_view s) { in.level.persistent = Number(s) % 2 == 0; },
    [](Inputs& in, std::string_view s) {
      in.facts.accel = Number(s) % 2 == 0 ? Acceleration::kKvm : Acceleration::kTcg;
      in.facts.tsc_khz = Number32(s);
    },
    [](Inputs& in, std::string_view s) {
      in.facts.created_unix_s = static_cast<std::int64_t>(Number(s));
    },
};

Inputs Read(std::string_view bytes) {
  Inputs in = Begin();
  while (bytes.size() >= 2) {
    auto which = static_cast<std::uint8_t>(bytes[0]);
    auto length = static_cast<std::uint8_t>(bytes[1]);
    bytes.remove_prefix(2);
    kSetters[which % std::size(kSetters)](in, bytes.substr(0, length));
    bytes.remove_prefix(std::min<std::size_t>(length, bytes.size()));
  }
  // What names the level is named after it at the end, whatever it is called.
  for (auto& [name, flow] : in.spec.flows) {
    (flow.from == "\f" ? flow.from : flow.to) = in.level.name;
  }
  in.spec.uplinks["office"] = in.uplink;
  in.spec.levels["peer"].name = "peer";
  in.spec.levels[in.level.name] = in.level;
  return in;
}

/// The same numbers and parts, with texts that nobody could mistake for anything.
DomainSpec Harmless(const Inputs& in, const AppliedSpec& applied) {
  DomainSpec d = LowerDomain(in.paths, applied, applied.spec.levels.at(in.level.name), in.facts);
  auto replace = [](std::string& text, const char* by) {
    if (!text.empty()) text = by;
  };
  replace(d.level, "l"), replace(d.title, "t"), replace(d.icon, "i"), replace(d.cmdline, "c");
  replace(d.uuid, "0c0ffee0-1111-4222-8333-444455556666");
  replace(d.kernel, "/k"), replace(d.initrd, "/i"), replace(d.image_version, "v");
  d.root.path = "/r";
  d.state->path = "/s";
  d.console_socket = "/c";
  for (std::size_t i = 0; i < d.channels.size(); ++i)
    d.channels[i] = {"p" + std::to_string(i), "/p" + std::to_string(i)};
  if (d.network) d.network->tap = "tap";
  return d;
}

bool IsShowable(std::string text) {
  std::erase(text, '\n');
  std::erase(text, '\\');
  return IsPrintable(text);
}

void DemandSound(const Inputs& in, const AppliedSpec& applied, const Lowered& lowered) {
  auto shape = ShapeOf(lowered.domain);
  Demand(shape.has_value());
  auto harmless = BuildDomainXml(Harmless(in, applied));
  Demand(harmless.has_value());
  Demand(ShapeOf(*harmless)->structure == shape->structure);
  Demand(IsShowable(lowered.ruleset));
  Demand(std::ranges::count(lowered.ruleset, '"') % 2 == 0);
  Demand(lowered.ruleset.empty() == in.level.network.uplink.empty());
  Demand(IsShowable(LoweredText(lowered)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Inputs in = Read({reinterpret_cast<const char*>(data), size});
  auto applied = NumberAnew(in.spec);
  Demand(applied.has_value());
  auto lowered = Lower(in.paths, *applied, in.level.name, in.facts, kNow);
  if (lowered) {
    DemandSound(in, *applied, *lowered);
  } else {
    Demand(lowered.error().code == ErrorCode::kInvalid ||
           lowered.error().code == ErrorCode::kLimit);
    Demand(IsShowable(lowered.error().message));
  }
  return 0;
}
