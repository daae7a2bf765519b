// SPDX-License-Identifier: GPL-2.0-or-later
#include "netpolicy/nft_sink.h"

#include <algorithm>

#include "netpolicy/nft_reader.h"
#include "netpolicy/nft_transaction.h"
#include "netpolicy/ruleset_compiler.h"
#include "netpolicy/ruleset_text.h"

namespace bulkhead::netpolicy {

namespace {

using TimePoint = NetlinkSocket::Clock::time_point;

TimePoint After(std::chrono::milliseconds deadline) {
  return NetlinkSocket::Clock::now() + deadline;
}

Result<bool> ChainStands(NftReader& reader, const Chain& chain) {
  auto rules = reader.ReadRules(chain.family, chain.name);
  if (!rules) return Propagate(rules);
  auto found = rules->find(chain.name);
  if (found == rules->end() || !IsComplete(found->second, ChainDigest(chain))) return false;
  if (!chain.hook || chain.hook->device.empty()) return true;
  auto device = reader.ReadChainDevice(chain.family, chain.name);
  if (!device) return Propagate(device);
  return *device == chain.hook->device;
}

/// The base chains' rules name the maps, so that whole chains mean that the maps are there.
Result<bool> FrameStands(NftReader& reader, const RulesetFrame& frame) {
  for (Family family : {Family::kInet, Family::kNetdev}) {
    auto table = reader.HasTable(family);
    if (!table || !*table) return table;
  }
  for (const Chain& chain : frame.chains) {
    auto stands = ChainStands(reader, chain);
    if (!stands || !*stands) return stands;
  }
  return true;
}

/// Makes each map's element of the level's interface what `wanted` says.
Status ReconcileElements(NftReader& reader, const std::string& interface,
                         const std::vector<Element>& wanted, NftTransaction& change) {
  for (const MapDeclaration& map : AllMaps()) {
    auto there = reader.ReadElement(map.name, interface);
    if (!there) return Propagate(there);
    auto want = std::ranges::find(wanted, map.name, &Element::map);
    bool keep = *there && want != wanted.end() && **there == *want;
    if (*there && !keep) change.DeleteElement(**there);
    if (want != wanted.end() && !keep) change.PutElement(*want);
  }
  return {};
}

void AddCounters(const std::vector<ReadRule>& rules, std::vector<RuleCounter>& out) {
  for (const ReadRule& rule : rules) {
    if (!rule.tagged || rule.tag.origin.empty()) continue;
    auto found = std::ranges::find(out, rule.tag.origin, &RuleCounter::origin);
    if (found == out.end()) found = out.insert(out.end(), {rule.tag.origin, 0, 0});
    found->packets += rule.packets;
    found->bytes += rule.bytes;
  }
}

/// Everything in our tables, read once for a status of all levels.
struct WholeReadback {
  bool frame = false;
  ReadChains rules;  ///< of both tables: chain names differ
  std::map<std::string, std::string> devices;
  std::map<std::string, std::map<std::string, std::string>> elements;  ///< map, interface -> chain
};

Result<WholeReadback> ReadWhole(NftReader& reader) {
  WholeReadback out;
  auto frame = FrameStands(reader, CompileFrame());
  if (!frame) return Propagate(frame);
  out.frame = *frame;
  for (Family family : {Family::kInet, Family::kNetdev}) {
    auto rules = reader.ReadRules(family);
    if (!rules) return Propagate(rules);
    out.rules.merge(*rules);
    auto devices = reader.ReadChainDevices(family);
    if (!devices) return Propagate(devices);
    out.devices.merge(*devices);
  }
  for (const MapDeclaration& map : AllMaps()) {
    auto elements = reader.ReadElements(map.name);
    if (!elements) return Propagate(elements);
    for (const Element& e : *elements) out.elements[map.name][e.interface] = e.chain;
  }
  return out;
}

bool LevelStands(const WholeReadback& whole, const std::string& level) {
  std::string interface = InterfaceName(level);
  for (const auto& [family, name] : ChainNamesOf(level)) {
    auto rules = whole.rules.find(name);
    if (rules == whole.rules.end() || !IsComplete(rules->second)) return false;
    auto device = whole.devices.find(name);
    if (family == Family::kNetdev &&
        (device == whole.devices.end() || device->second != interface)) {
      return false;
    }
  }
  const std::pair<const char*, ChainRole> dispatch[] = {
      {names::kForwardFrom, ChainRole::kOut},
      {names::kForwardTo, ChainRole::kIn},
      {names::kInputFrom, ChainRole::kHostIn},
      {names::kOutputTo, ChainRole::kHostOut},
  };
  return std::ranges::all_of(dispatch, [&](const auto& entry) {
    auto map = whole.elements.find(entry.first);
    if (map == whole.elements.end()) return false;
    auto element = map->second.find(interface);
    return element != map->second.end() && element->second == ChainName(level, entry.second);
  });
}

}  // namespace

Result<NftSink> NftSink::Open() {
  auto socket = NetlinkSocket::Open(NETLINK_NETFILTER);
  if (!socket) return Propagate(socket);
  return NftSink(std::move(*socket));
}

Result<Generation> NftSink::CurrentGeneration() {
  return NftReader(socket_, After(std::chrono::seconds(5))).ReadGeneration();
}

Result<Generation> NftSink::Replace(const Ruleset& ruleset, Generation expected,
                                    std::chrono::milliseconds deadline) {
  TimePoint until = After(deadline);
  NftTransaction change(socket_, expected);
  // So that there is something to delete.
  change.MakeTables();
  change.DeleteTables();
  change.MakeFrame(ruleset.frame);
  for (const LevelRules& level : ruleset.levels) {
    for (const Chain& chain : level.chains) change.PutChain(chain);
    for (const Element& element : level.elements) change.PutElement(element);
  }
  if (Status done = change.Commit(until); !done) return Propagate(done);
  return NftReader(socket_, until).ReadGeneration();
}

Result<Generation> NftSink::PutLevel(const LevelRules& rules, Generation expected,
                                     std::chrono::milliseconds deadline) {
  TimePoint until = After(deadline);
  NftReader reader(socket_, until);
  NftTransaction change(socket_, expected);
  RulesetFrame frame = CompileFrame();
  auto stands = FrameStands(reader, frame);
  if (!stands) return Propagate(stands);
  if (!*stands) change.MakeFrame(frame);
  for (const Chain& chain : rules.chains) {
    auto same = ChainStands(reader, chain);
    if (!same) return Propagate(same);
    if (!*same) change.PutChain(chain);
  }
  if (Status ok = ReconcileElements(reader, rules.interface, rules.elements, change); !ok) {
    return Propagate(ok);
  }
  if (change.empty()) return expected;
  if (Status done = change.Commit(until); !done) return Propagate(done);
  return reader.ReadGeneration();
}

Result<Generation> NftSink::DropLevel(const std::string& level, Generation expected,
                                      std::chrono::milliseconds deadline) {
  TimePoint until = After(deadline);
  NftReader reader(socket_, until);
  NftTransaction change(socket_, expected);
  if (Status ok = ReconcileElements(reader, InterfaceName(level), {}, change); !ok) {
    return Propagate(ok);
  }
  for (const auto& [family, name] : ChainNamesOf(level)) {
    auto there = reader.ReadChainDevice(family, name);
    if (!there) return Propagate(there);
    if (*there) change.DeleteChain(family, name);
  }
  if (change.empty()) return expected;
  if (Status done = change.Commit(until); !done) return Propagate(done);
  return reader.ReadGeneration();
}

Result<std::map<std::string, LevelReadback>> NftSink::ReadLevels(
    std::chrono::milliseconds deadline) {
  NftReader reader(socket_, After(deadline));
  auto whole = ReadWhole(reader);
  if (!whole) return Propagate(whole);
  std::map<std::string, LevelReadback> out;
  // Also a chain without rules is a trace of a level.
  for (const auto& [chain, unused] : whole->devices) {
    std::string level(LevelOfChain(chain));
    if (level.empty()) continue;
    auto [entry, fresh] = out.try_emplace(level);
    if (fresh) entry->second.complete = whole->frame && LevelStands(*whole, level);
    AddCounters(whole->rules[chain], entry->second.counters);
  }
  return out;
}

}  // namespace bulkhead::netpolicy
