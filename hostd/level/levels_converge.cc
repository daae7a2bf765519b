// SPDX-License-Identifier: GPL-2.0-or-later
/// What a new set, or the time, changes under levels that are up.
#include <utility>

#include "hostd/level/levels.h"
#include "vmspec/base/clock.h"

namespace bulkhead::hostd {

namespace {

using Phase = LevelMachine::Phase;

}  // namespace

/// Only where a domain stands whose network is neither being made nor removed.
bool Levels::IsStale(const std::string& level, Entry& entry) const {
  Phase phase = entry.machine.phase();
  bool settled = phase == Phase::kPaused || phase == Phase::kResuming || phase == Phase::kBooting ||
                 phase == Phase::kSettling || phase == Phase::kRunning ||
                 phase == Phase::kShuttingDown;
  if (!settled || applied_->FindLevel(level) == nullptr) return false;
  if (!entry.network_under) return true;
  std::int64_t now = UnixS();
  SetAt before{*entry.network_under, entry.network_as_of_s};
  if (!HasRuleEnded(level, entry, now) && entry.network_under == applied_) return false;
  if (NetworkDiffers(before, {*applied_, now}, level)) return true;
  entry.network_under = applied_;
  entry.network_as_of_s = now;
  return false;
}

bool Levels::HasRuleEnded(const std::string& level, const Entry& entry, std::int64_t now) const {
  const vmspec::Level* under = entry.network_under->FindLevel(level);
  if (under == nullptr) return false;
  auto end = netpolicy::NextRuleEnd(*under, entry.network_as_of_s);
  return end && *end <= now;
}

/// `began` is the time before the network was made: what ended since is looked at again.
void Levels::NetworkMade(Entry& entry, const AppliedSpecPtr& under, std::int64_t began) {
  entry.network_under = under;
  entry.network_as_of_s = began;
}

void Levels::Converge(std::function<void()> done) {
  auto wave = std::make_shared<Wave>(std::move(done));
  for (auto& [level, entry] : entries_) {
    // What is under way looks again when it ends.
    if (!entry.busy && IsStale(level, entry)) Refresh(level, entry, Act::kNone, wave);
  }
  ForgetGoneFlows(wave);
}

void Levels::Refresh(const std::string& level, Entry& entry, Act then, WavePtr wave) {
  entry.busy = true;
  work_->Do([world = world_, applied = applied_,
             level] { return ApplyNetwork(*world.network, *applied, level); },
            [this, level, then, applied = applied_, began = UnixS(),
             same = entry.network_under == applied_, wave = std::move(wave)](const Status& had) {
              Entry& e = entries_[level];
              if (had) {
                NetworkMade(e, applied, began);
                return Ended(level, then);
              }
              // A rule that cannot be taken away is none that may stay (I8).
              std::string why = same ? "a network rule has ended and could not be taken away: "
                                     : "the new spec set could not be put into force for it: ";
              why += had.error().message;
              hooks_.log(level + ": " + why);
              Ended(level, then == Act::kResume
                               ? e.machine.Resumed(Fail(had.error().code, why), UnixMs())
                               : e.machine.Isolate("spec", why, UnixMs()));
            });
}

void Levels::ForgetGoneFlows(WavePtr wave) {
  std::map<std::string, RestartFacts> now;
  for (const std::string& name : Live()) {
    if (const vmspec::Level* level = applied_->FindLevel(name)) {
      now[name] = vmspec::RestartFactsOf(applied_->spec, *level);
    }
  }
  work_->Do(
      [book = world_.started, now] {
        for (const auto& [level, facts] : now) {
          auto started = book->Find(level);
          // What cannot be written is only told wrongly after a restart of hostd.
          if (started) (void)book->Set(level, vmspec::WithoutGoneFlows(std::move(*started), facts));
        }
        return true;
      },
      [this, wave = std::move(wave)](bool) { TellRestarts(); });
}

void Levels::TellRestarts() {
  for (const auto& [name, level] : applied_->spec.levels) {
    Entry& entry = entries_[name];
    auto needed = RestartsOf(level);
    if (std::exchange(entry.restart_needed, needed) != needed) hooks_.changed(name);
  }
}

std::vector<std::string> Levels::RestartsOf(const vmspec::Level& level) const {
  auto entry = entries_.find(level.name);
  if (entry == entries_.end() || !entry->second.machine.Live()) return {};
  auto started = world_.started->Find(level.name);
  if (!started) return {};
  return vmspec::RestartNeeded(*started, vmspec::RestartFactsOf(applied_->spec, level));
}

}  // namespace bulkhead::hostd
