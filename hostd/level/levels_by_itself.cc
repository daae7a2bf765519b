// SPDX-License-Identifier: GPL-2.0-or-later
/// What hostd does with levels though nobody asks: it starts those that start by themselves,
/// removes what disposable ones left, takes network rules away when they end.
#include <algorithm>
#include <functional>
#include <utility>

#include "hostd/level/levels.h"
#include "hostd/storage/state_disk.h"
#include "vmspec/base/clock.h"

namespace bulkhead::hostd {

namespace {

using Phase = LevelMachine::Phase;

}  // namespace

/// Lower orders first; those of one order at once. The next begin when these run or have failed.
void Levels::Autostart() {
  to_autostart_.clear();
  for (const auto& [name, level] : applied_->spec.levels) {
    if (level.autostart && entries_[name].machine.phase() == Phase::kStopped)
      to_autostart_.push_back(name);
  }
  std::ranges::stable_sort(to_autostart_, std::greater<>(), [&](const std::string& name) {
    return std::pair(applied_->FindLevel(name)->life_cycle.order, name);
  });
  AutostartNext();
}

void Levels::AutostartNext() {
  while (!to_autostart_.empty()) {
    const vmspec::Level* next = applied_->FindLevel(to_autostart_.back());
    bool waits = next != nullptr && std::ranges::any_of(autostarted_, [&](const auto& name) {
                   const vmspec::Level* before = applied_->FindLevel(name);
                   return before != nullptr && before->life_cycle.order < next->life_cycle.order;
                 });
    if (waits && AutostartsUnderWay()) return;
    to_autostart_.pop_back();
    if (next == nullptr || entries_[next->name].machine.phase() != Phase::kStopped) continue;
    autostarted_.insert(next->name);
    if (Status s = Start(next->name, "hostd", false); !s)
      hooks_.log(next->name + ": " + s.error().message);
  }
  if (!AutostartsUnderWay()) autostarted_.clear();
}

bool Levels::AutostartsUnderWay() const {
  return std::ranges::any_of(autostarted_, [&](const auto& name) {
    auto entry = entries_.find(name);
    return entry != entries_.end() && entry->second.machine.status().state == LevelState::kStarting;
  });
}

/// What a host that went down has left of levels that leave nothing behind.
void Levels::RemoveLeftovers() {
  for (const auto& [name, level] : applied_->spec.levels) {
    if (!level.life_cycle.disposable || entries_[name].machine.phase() != Phase::kStopped) continue;
    work_->Do([folder = world_.paths.LevelDir(name)] { return RemoveScratchDisk(folder); },
              [this, name](const Status& removed) {
                if (!removed) hooks_.log(name + ": " + removed.error().message);
              });
  }
}

// --- network rules that end --------------------------------------------------------------------

/// Looks again at least once a minute: the clock that rules end by may be set.
void Levels::WatchRuleEnds() {
  constexpr std::int64_t kLongestS = 60;
  std::int64_t now = UnixS();
  std::optional<std::int64_t> next;
  auto consider = [&](const vmspec::Level* level, std::int64_t as_of) {
    auto end = level == nullptr ? std::nullopt : netpolicy::NextRuleEnd(*level, as_of);
    if (end && (!next || *end < *next)) next = end;
  };
  for (const auto& [name, level] : applied_->spec.levels) consider(&level, now);
  for (const auto& [name, entry] : entries_) {
    if (entry.network_under && entry.machine.Live())
      consider(entry.network_under->FindLevel(name), entry.network_as_of_s);
  }
  if (!next) return rule_end_.Clear();
  std::int64_t wait = std::clamp<std::int64_t>(*next - now, 1, kLongestS);
  rule_end_.Set(static_cast<std::uint32_t>(wait * 1000), [this] { EndRules(); });
}

/// The rules of each level with one that has ended are made anew without it.
void Levels::EndRules() {
  for (auto& [name, entry] : entries_) {
    // What is under way looks again when it ends.
    if (entry.busy || !IsStale(name, entry)) continue;
    hooks_.log(name + ": a network rule has ended and is taken away");
    Refresh(name, entry, Act::kNone, nullptr);
  }
  WatchRuleEnds();
}

}  // namespace bulkhead::hostd
