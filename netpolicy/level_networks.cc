// SPDX-License-Identifier: GPL-2.0-or-later
#include "netpolicy/level_networks.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "netpolicy/level_name.h"
#include "netpolicy/ruleset_compiler.h"
#include "netpolicy/sysctl.h"
#include "netpolicy/tap.h"

namespace bulkhead::netpolicy {

namespace {

constexpr std::chrono::milliseconds kDeadline{5000};
// Others may write too (container engines, firewalls); each time we look again.
constexpr int kMaxAttempts = 50;

/// Runs `change` against the current generation until nobody came between.
template <typename Do>
auto Retry(RulesetSink& sink, Do change) -> decltype(change(Generation{})) {
  for (int attempt = 1;; ++attempt) {
    auto generation = sink.CurrentGeneration();
    if (!generation) return Propagate(generation);
    auto done = change(*generation);
    if (done || done.error().code != ErrorCode::kConflict || attempt == kMaxAttempts) return done;
  }
}

/// "bulkhead LEVEL UPLINK" on the tap: for people, and for a netd that starts anew.
std::string AliasOf(const LevelPolicy& policy) {
  return "bulkhead " + policy.level + " " + policy.uplink_interface;
}

struct Alias {
  std::string level;
  std::string uplink;
};

Alias ParseAlias(const LinkState& tap) {
  constexpr std::string_view kWord = "bulkhead ";
  std::string_view rest = tap.alias;
  // A tap made in the moment before netd was killed has no alias yet.
  if (!rest.starts_with(kWord)) return {tap.name.substr(kTapPrefix.size()), ""};
  rest.remove_prefix(kWord.size());
  std::size_t space = rest.find(' ');
  if (space == std::string_view::npos) return {std::string(rest), ""};
  return {std::string(rest.substr(0, space)), std::string(rest.substr(space + 1))};
}

bool IsOurTap(const LinkState& link) { return link.tap && link.name.starts_with(kTapPrefix); }

bool HasRightOwner(const LinkState& tap, const LevelPolicy& policy) {
  return tap.owner == policy.uid && tap.group == policy.uid && tap.vnet_header && !tap.multi_queue;
}

std::vector<HostAddress> AddressesOf(const LevelLink& link) {
  HostAddress four{false, {}, 30};
  std::copy(link.host4.begin(), link.host4.end(), four.address.begin());
  return {four, HostAddress{true, link.host6, 126}};
}

bool Ip6IsThere() { return ::access("/proc/net/if_inet6", F_OK) == 0; }

}  // namespace

/// Makes a change, and notes the generation when there was one to make: a commit is bound to the
/// generation before, so its own is the next, whoever commits after it.
template <typename Do>
Status LevelNetworks::Commit(Do change) {
  auto done = Retry(*sink_, [&](Generation before) {
    auto after = change(before);
    if (after && *after != before) made_.push_back(before + 1 == 0 ? 1 : before + 1);
    return after;
  });
  if (!done) return Propagate(done);
  return {};
}

bool LevelNetworks::WasSomebodyElse(const std::vector<Generation>& generations) {
  std::vector<Generation> ours = std::exchange(made_, {});
  return std::ranges::any_of(
      generations, [&](Generation g) { return std::ranges::find(ours, g) == ours.end(); });
}

Status LevelNetworks::DropRules(const std::string& level) {
  return Commit([&](Generation g) { return sink_->DropLevel(level, g, kDeadline); });
}

Status LevelNetworks::RemoveTap(const std::string& interface) {
  auto found = links_.Find(interface);
  if (!found) return Propagate(found);
  if (!*found) return {};
  if (!IsOurTap(**found)) {
    return Fail(ErrorCode::kExists, "interface " + interface +
                                        " is no tap of Bulkhead: names that begin with bh- are "
                                        "reserved, rename or remove it");
  }
  return links_.Delete((*found)->index);
}

Result<LinkState> LevelNetworks::EnsureTap(const LevelPolicy& policy, bool& made) {
  const std::string& name = policy.link.interface;
  auto found = links_.Find(name);
  if (!found) return Propagate(found);
  if (*found && IsOurTap(**found) && HasRightOwner(**found, policy)) return **found;
  // Of another kind: refused. With another owner, after its level got a new index: made anew.
  if (Status gone = RemoveTap(name); !gone) return Propagate(gone);
  // A chain of a tap that went away may still be there, hanging on nothing.
  if (Status dropped = DropRules(policy.level); !dropped) return Propagate(dropped);
  if (Status created = CreateTap(name, policy.uid, policy.uid); !created) {
    return Propagate(created);
  }
  made = true;
  found = links_.Find(name);
  if (!found) return Propagate(found);
  if (!*found) return Fail(ErrorCode::kConflict, "tap " + name + " was removed while it was made");
  return **found;
}

Status LevelNetworks::Configure(const LevelPolicy& policy, const LinkState& tap) {
  if (tap.alias != AliasOf(policy)) {
    if (Status set = links_.SetAlias(tap.index, AliasOf(policy)); !set) return set;
  }
  if (tap.mac != HostMac(policy.link.mac)) {
    if (Status set = links_.SetMac(tap.index, HostMac(policy.link.mac)); !set) return set;
  }
  if (Status set = ConfigureTapSettings(tap.name); !set) return set;
  LevelRules rules = CompileRules(policy);
  Status committed = Commit([&](Generation g) { return sink_->PutLevel(rules, g, kDeadline); });
  if (!committed) return committed;

  std::vector<HostAddress> addresses = AddressesOf(policy.link);
  if (!Ip6IsThere()) addresses.pop_back();
  if (Status set = links_.SetAddresses(tap.index, addresses); !set) return set;
  if (Status set = ConfigureUplinkSettings(policy.uplink_interface); !set) return set;
  // I1: only now, with the rules committed, can a packet come through.
  if (!tap.up) {
    if (Status up = links_.SetUp(tap.index, true); !up) return up;
  }
  auto ended = conntrack_.EndForbidden(policy);
  if (!ended) return Propagate(ended);
  return {};
}

Status LevelNetworks::Apply(const LevelPolicy& policy) {
  bool made = false;
  auto tap = EnsureTap(policy, made);
  Status status = tap ? Configure(policy, *tap) : std::unexpected(tap.error());
  if (!status && made) {
    // A new level gets no half of a network; the first error is the one to tell.
    (void)RemoveTap(policy.link.interface);
    (void)DropRules(policy.level);
  }
  if (!status) return Propagate(status, "network of level " + policy.level);
  return {};
}

Status LevelNetworks::Remove(const std::string& level) {
  if (!IsLevelName(level)) return Fail(ErrorCode::kInvalid, "that is no name of a level");
  // I1: the rules outlive the tap.
  Status status = RemoveTap(InterfaceName(level));
  if (status) status = DropRules(level);
  if (!status) return Propagate(status, "network of level " + level);
  return {};
}

Status LevelNetworks::RetainOnly(const std::vector<std::string>& levels) {
  std::set<std::string> keep_levels(levels.begin(), levels.end());
  std::set<std::string> keep_taps;
  for (const std::string& level : levels) keep_taps.insert(InterfaceName(level));
  auto links = links_.FindAll();
  if (!links) return Propagate(links);
  for (const LinkState& link : *links) {
    if (!IsOurTap(link) || keep_taps.contains(link.name)) continue;
    if (Status gone = links_.Delete(link.index); !gone) return gone;
  }
  auto there = Retry(*sink_, [&](Generation) { return sink_->ReadLevels(kDeadline); });
  if (!there) return Propagate(there);
  for (const auto& [level, unused] : *there) {
    if (keep_levels.contains(level)) continue;
    if (Status dropped = DropRules(level); !dropped) return dropped;
  }
  return {};
}

Result<std::vector<LevelNetStatus>> LevelNetworks::GetStatus() {
  auto rules = Retry(*sink_, [&](Generation) { return sink_->ReadLevels(kDeadline); });
  if (!rules) return Propagate(rules);
  auto links = links_.FindAll();
  if (!links) return Propagate(links);
  std::map<std::string, LevelNetStatus> by_interface;
  for (auto& [level, readback] : *rules) {
    LevelNetStatus& status = by_interface[InterfaceName(level)];
    status = {level, InterfaceName(level), false, readback.complete, std::move(readback.counters)};
  }
  for (const LinkState& link : *links) {
    if (!IsOurTap(link)) continue;
    LevelNetStatus& status = by_interface[link.name];
    status.tap_present = true;
    status.interface = link.name;
    if (status.level.empty()) status.level = ParseAlias(link).level;
  }
  std::vector<LevelNetStatus> out;
  for (auto& [interface, status] : by_interface) out.push_back(std::move(status));
  return out;
}

Result<std::vector<std::string>> LevelNetworks::IsolateUnprotected() {
  auto status = GetStatus();
  if (!status) return Propagate(status);
  std::vector<std::string> out;
  for (const LevelNetStatus& level : *status) {
    if (!level.tap_present || level.rules_present) continue;
    auto link = links_.Find(level.interface);
    if (!link) return Propagate(link);
    if (!*link || !(*link)->up) continue;
    if (Status down = links_.SetUp((*link)->index, false); !down) return Propagate(down);
    out.push_back(level.interface);
  }
  return out;
}

Status LevelNetworks::RefreshUplinks() {
  auto links = links_.FindAll();
  if (!links) return Propagate(links);
  std::set<std::string> uplinks;
  for (const LinkState& link : *links) {
    if (IsOurTap(link)) uplinks.insert(ParseAlias(link).uplink);
  }
  for (const LinkState& link : *links) {
    if (!uplinks.contains(link.name)) continue;
    if (Status set = ConfigureUplinkSettings(link.name); !set) return set;
  }
  return {};
}

}  // namespace bulkhead::netpolicy
