// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/level/levels.h"

#include <algorithm>

#include "hostd/lower/lower_domain.h"
#include "vmspec/base/clock.h"
#include "vmspec/base/identity.h"

namespace bulkhead::hostd {

namespace {

using Phase = LevelMachine::Phase;

constexpr std::int64_t kClockTolerance_us = 2'000'000;

std::string Address(const std::uint8_t* bytes, bool v6, int length) {
  vmspec::Prefix prefix;
  prefix.v6 = v6;
  std::copy_n(bytes, v6 ? 16 : 4, prefix.address.begin());
  prefix.length = v6 ? 128 : 32;
  std::string text = prefix.ToString();
  text = text.substr(0, text.find('/'));
  return length < 0 ? text : text + "/" + std::to_string(length);
}

void DescribeLink(const AppliedSpec& applied, const vmspec::Level& level,
                  control::Welcome& welcome) {
  if (level.network.uplink.empty()) return;
  auto link = netpolicy::LinkFor(applied.spec, level, applied.levels.at(level.name));
  if (!link) return;
  welcome.ipv4 = Address(link->guest4.data(), false, 30);
  welcome.gateway4 = Address(link->host4.data(), false, -1);
  welcome.ipv6 = Address(link->guest6.data(), true, 126);
  welcome.gateway6 = Address(link->host6.data(), true, -1);
  welcome.mac = MacText(link->mac);
}

control::Welcome WelcomeFor(const AppliedSpec& applied, const vmspec::Level& level) {
  control::Welcome welcome;
  welcome.level = level.name;
  welcome.time_us = UnixUs();
  DescribeLink(applied, level, welcome);
  for (const auto& [name, flow] : applied.spec.flows) {
    if (flow.from == level.name) welcome.outgoing.push_back({name, flow.to});
    if (flow.to == level.name) welcome.incoming.push_back({name, flow.from});
  }
  return welcome;
}

}  // namespace

Levels::Levels(Work* work, World world, Hooks hooks, std::uint32_t silence_ms)
    : work_(work), world_(std::move(world)), hooks_(std::move(hooks)), silence_ms_(silence_ms) {}

void Levels::SetApplied(AppliedSpecPtr applied) {
  applied_ = std::move(applied);
  std::erase_if(entries_, [&](const auto& entry) {
    return applied_->FindLevel(entry.first) == nullptr && !entry.second.busy &&
           !entry.second.machine.Live();
  });
  for (const auto& [name, level] : applied_->spec.levels) {
    entries_[name].machine.SetRestartOnCrash(level.life_cycle.on_crash ==
                                             vmspec::OnCrash::kRestart);
  }
  WatchRuleEnds();
}

Levels::Entry* Levels::Find(const std::string& level) {
  auto it = entries_.find(level);
  return it == entries_.end() ? nullptr : &it->second;
}

// --- what people ask ---------------------------------------------------------------------------

Result<Levels::Entry*> Levels::Asked(const std::string& level) {
  if (applied_->FindLevel(level) == nullptr) {
    return Fail(ErrorCode::kNotFound, "the applied spec set has no level " + level);
  }
  if (!adopted_) {
    return Fail(ErrorCode::kUnavailable,
                "hostd does not know yet which levels run, because libvirt does not answer: see "
                "bulkhead doctor");
  }
  return &entries_[level];
}

Status Levels::Start(const std::string& level, const std::string& actor, bool paused) {
  auto entry = Asked(level);
  if (!entry) return Propagate(entry);
  auto act = (*entry)->machine.Start(paused, UnixMs());
  if (!act) return Propagate(act, level);
  if (*act != Act::kNone) (*entry)->actor = actor;
  (*entry)->resume_asked = *act == Act::kResume;
  Do(level, *act);
  return {};
}

Status Levels::Stop(const std::string& level, const std::string& actor, bool force) {
  auto entry = Asked(level);
  if (!entry) return Propagate(entry);
  (*entry)->actor = actor;
  Do(level, (*entry)->machine.Stop(force, UnixMs()));
  return {};
}

Status Levels::Restart(const std::string& level, const std::string& actor) {
  auto entry = Asked(level);
  if (!entry) return Propagate(entry);
  auto act = (*entry)->machine.Restart(UnixMs());
  if (!act) return Propagate(act, level);
  (*entry)->actor = actor;
  Do(level, *act);
  return {};
}

void Levels::Isolate(const std::string& level, const std::string& step, const std::string& reason) {
  if (Entry* entry = Find(level)) Do(level, entry->machine.Isolate(step, reason, UnixMs()));
}

Status Levels::RequireRunning(const std::string& level) const {
  if (applied_->FindLevel(level) == nullptr) {
    return Fail(ErrorCode::kNotFound, "the applied spec set has no level " + level);
  }
  if (IsReady(level)) return {};
  auto view = View(level);
  return Fail(ErrorCode::kUnavailable,
              level + " is " + (view ? LevelStateName(view->status.state) : "not there") +
                  ", not running: bulkhead start " + level);
}

Status Levels::RequireListening(const std::string& level) const {
  if (Status up = RequireRunning(level); !up) return up;
  const Entry& entry = entries_.at(level);
  // A level that runs has a reason only while its agent is not heard.
  const std::string& unheard = entry.machine.status().reason;
  if (!unheard.empty()) return Fail(ErrorCode::kUnavailable, level + ": " + unheard);
  if (entry.hello) return {};
  return Fail(ErrorCode::kUnavailable, "the agent of " + level +
                                           " has said no hello since it was connected: try again "
                                           "in a moment");
}

// --- what the machines answer ------------------------------------------------------------------

void Levels::Do(const std::string& level, Act act) {
  Entry& entry = entries_[level];
  if (act == Act::kNone) return Announce(level);
  if (entry.busy) {
    entry.next = act;
    return Announce(level);
  }
  RunAct(level, entry, act);
  Announce(level);
}

void Levels::RunAct(const std::string& level, Entry& entry, Act act) {
  entry.busy = act != Act::kNone && act != Act::kAskShutdown;
  switch (act) {
    case Act::kNone:
      return;
    case Act::kBringUp:
      return DoBringUp(level, entry);
    case Act::kResume:
      return DoResume(level, entry);
    case Act::kReattach:
      return DoReattach(level);
    case Act::kTearDown:
      return DoTearDown(level, entry);
    case Act::kAskShutdown:
      return DoAskShutdown(level, entry);
  }
}

void Levels::Ended(const std::string& level, Act then) {
  Entry& entry = entries_[level];
  entry.busy = false;
  if (entry.next && then == Act::kNone) then = *entry.next;
  entry.next.reset();
  // A set that came meanwhile is obeyed first, before the level runs (I1).
  bool goes_on = then == Act::kNone || then == Act::kResume;
  if (goes_on && IsStale(level, entry)) return Refresh(level, entry, then, nullptr);
  Do(level, then);
}

void Levels::DoBringUp(const std::string& level, Entry& entry) {
  entry.begun_at = ++epoch_;
  entry.measures = {};
  // What its agent of an earlier run said last says nothing of this one.
  entry.hello.reset();
  entry.agent_ready = false;
  StartOrder order{applied_, level, entry.actor, entry.machine.WantsPaused()};
  auto step = [this, level](const std::string& name) {
    Work::ToMain([this, level, name] {
      entries_[level].machine.StepBegun(name);
      Announce(level);
    });
  };
  work_->Do(
      [world = world_, order, step] { return BringUp(world, order, step); },
      [this, level, under = order.applied, began = UnixS()](const Result<BroughtUpLevel>& up) {
        if (up) NetworkMade(entries_[level], under, began);
        OnBroughtUp(level, up);
      });
}

void Levels::OnBroughtUp(const std::string& level, const Result<BroughtUpLevel>& up) {
  Entry& entry = entries_[level];
  if (up) {
    entry.machine.SetImageVersion(up->image_version);
    entry.measures.accel = AccelName(up->accel);
  }
  Ended(level, entry.machine.BroughtUp(up ? Status{} : Propagate(up), UnixMs()));
}

void Levels::DoResume(const std::string& level, Entry& entry) {
  bool asked = std::exchange(entry.resume_asked, false);
  work_->Do(
      [world = world_, level, asked, actor = entry.actor] {
        // Who lets a paused level run is on record before it does (I7).
        Status done =
            asked ? world.audit->Append(actor, "level.resume", level, "allowed") : Status();
        return done ? world.hypervisor->Resume(level) : done;
      },
      [this, level](const Status& resumed) { OnResumed(level, resumed); });
}

void Levels::DoReattach(const std::string& level) {
  work_->Do([world = world_, applied = applied_, level] { return Reattach(world, applied, level); },
            [this, level, applied = applied_, began = UnixS()](const Status& resumed) {
              if (resumed) NetworkMade(entries_[level], applied, began);
              OnResumed(level, resumed);
            });
}

void Levels::OnResumed(const std::string& level, const Status& resumed) {
  Entry& entry = entries_[level];
  Ended(level, entry.machine.Resumed(resumed, UnixMs()));
  HearAgain(level, entry);
}

void Levels::DoTearDown(const std::string& level, Entry& entry) {
  hooks_.agent_gone(level);
  // A person's wish, or a failure: either is recorded before it takes effect (I7).
  auto failure = entry.machine.Failure();
  const std::string& gone = entry.machine.GoneReason();
  // Nor is it the wish of whoever started it that it is started again.
  if (failure) entry.actor = "hostd";
  std::string actor = failure || !gone.empty() ? "hostd" : entry.actor;
  work_->Do(
      [world = world_, applied = applied_, level, actor, failure, gone] {
        AuditDetail detail;
        if (!gone.empty()) detail = {{"reason", gone}};
        if (failure) detail = {{"step", failure->first}, {"reason", failure->second}};
        // A log that cannot be written must not keep a level running.
        (void)world.audit->Append(actor, failure ? "level.start" : "level.stop", level,
                                  failure ? "failed" : "allowed", detail);
        return TearDown(world, applied, level);
      },
      [this, level](const Status& torn) {
        Entry& e = entries_[level];
        if (torn) {
          e.measures = {};
          e.network_under.reset();
        }
        Ended(level, e.machine.TornDown(torn, UnixMs()));
      });
}

void Levels::DoAskShutdown(const std::string& level, Entry& entry) {
  work_->Do(
      [world = world_, level, actor = entry.actor] {
        return world.audit->Append(actor, "level.stop", level, "allowed", {{"way", "shutdown"}});
      },
      [this, level](const Status&) {
        Entry* e = Find(level);
        if (e == nullptr || !e->machine.AwaitsShutdown()) return;
        if (!hooks_.send(level, control::Shutdown{})) {
          Do(level, e->machine.ShutdownTimedOut(UnixMs()));
        }
      });
}

void Levels::ArmTimer(const std::string& level, Entry& entry) {
  bool hello = entry.machine.AwaitsHello();
  bool shutdown = entry.machine.AwaitsShutdown();
  if (!hello && !shutdown) return entry.timer.Clear();
  if (entry.timer.armed() && entry.timer_for_hello == hello) return;
  entry.timer_for_hello = hello;
  std::uint32_t seconds = hello ? applied_->spec.host.hello_timeout_s : kShutdownTimeoutS;
  entry.timer.Set(seconds * 1000, [this, level, hello, seconds] {
    LevelMachine& machine = entries_[level].machine;
    Do(level,
       hello ? machine.HelloTimedOut(seconds, UnixMs()) : machine.ShutdownTimedOut(UnixMs()));
  });
}

/// The first word is owed from the moment it runs: after a restart of hostd, too.
void Levels::ArmSilence(const std::string& level, Entry& entry) {
  if (entry.machine.phase() != Phase::kRunning) return entry.silence.Clear();
  if (entry.silence.armed() || !entry.machine.status().reason.empty()) return;
  entry.silence.Set(silence_ms_, [this, level] {
    entries_[level].machine.Unheard(silence_ms_ / 1000);
    Announce(level);
  });
}

void Levels::Announce(const std::string& level) {
  Entry& entry = entries_[level];
  ArmTimer(level, entry);
  ArmSilence(level, entry);
  if (entry.announced == entry.machine.status()) return;
  entry.announced = entry.machine.status();
  hooks_.changed(level);
  if (entry.announced.state != LevelState::kStarting) AutostartNext();
}

// --- what the level's agent says ---------------------------------------------------------------

void Levels::OnLink(const std::string& level, const report::AgentLink& link) {
  Entry* entry = Find(level);
  if (entry == nullptr) return;
  bool up = link.state == report::AgentLink::kUp;
  if (!up && link.state == report::AgentLink::kProtocolError) {
    hooks_.log(level + ": its agent broke the protocol: " + link.reason);
  }
  if (up) return;
  entry->hello.reset();
  entry->agent_ready = false;
  hooks_.agent_gone(level);
}

/// Whatever it says: it is heard, and has the whole time for its next word.
void Levels::OnWord(const std::string& level, Entry& entry) {
  entry.silence.Clear();
  entry.machine.Heard();
  Announce(level);
}

void Levels::OnGuest(const std::string& level, const control::GuestMessage& message) {
  Entry* entry = Find(level);
  if (entry == nullptr) return;
  OnWord(level, *entry);
  if (const auto* hello = std::get_if<control::Hello>(&message)) {
    // An agent that begins anew has forgotten what it was told to run.
    if (entry->hello) hooks_.agent_gone(level);
    entry->hello = *hello;
    entry->agent_ready = false;
    OnHello(level, *entry);
  }
  if (std::holds_alternative<control::Ready>(message) && entry->hello) {
    entry->agent_ready = true;
    OnReady(level, *entry);
  }
  if (const auto* health = std::get_if<control::Health>(&message)) OnHealth(level, *entry, *health);
}

/// The agent can be quicker than the word that its level runs, or than hostd is after a restart.
void Levels::HearAgain(const std::string& level, Entry& entry) {
  bool listens = entry.machine.AwaitsHello() || entry.machine.phase() == Phase::kRunning;
  if (!listens || !entry.hello) return;
  OnHello(level, entry);
  if (entry.agent_ready) OnReady(level, entry);
}

void Levels::OnHello(const std::string& level, Entry& entry) {
  const vmspec::Level* spec = applied_->FindLevel(level);
  bool first = entry.machine.phase() == Phase::kBooting;
  if (spec == nullptr || !entry.machine.Hello(entry.hello->boot_id)) return;
  // It is alive: being ready has the whole time again, once. A busy host takes long over both.
  if (first) entry.timer.Clear();
  hooks_.send(level, WelcomeFor(*applied_, *spec));
  Announce(level);
}

void Levels::OnReady(const std::string& level, Entry& entry) {
  bool was_running = entry.machine.phase() == Phase::kRunning;
  entry.machine.Ready(UnixMs());
  Announce(level);
  if (entry.machine.phase() != Phase::kRunning) return;
  hooks_.ready(level);
  if (was_running) return;
  work_->Post([world = world_, level, boot = entry.machine.status().boot_id] {
    // It runs whether or not these two can be written; the next start will say so.
    (void)world.audit->Append("hostd", "level.start", level, "done", {{"boot-id", boot}});
    (void)world.runs->SetRunning(level);
  });
}

void Levels::OnHealth(const std::string& level, Entry& entry, const control::Health& health) {
  if (!entry.machine.Live()) return;
  std::uint64_t used = health.memory_total_kib > health.memory_available_kib
                           ? health.memory_total_kib - health.memory_available_kib
                           : 0;
  entry.measures.memory_used_mib = used / 1024;
  std::int64_t offset = health.clock_us - UnixUs();
  entry.measures.clock_offset_ms = offset / 1000;
  // A guest's clock stops while its host sleeps.
  if (offset > kClockTolerance_us || offset < -kClockTolerance_us) {
    hooks_.send(level, control::Clock{UnixUs()});
  }
  Sample(level);
}

void Levels::Sample(const std::string& level) {
  work_->Do([world = world_, level] { return world.hypervisor->Stats(level); },
            [this, level](const Result<DomainStats>& stats) {
              Entry* entry = Find(level);
              if (entry == nullptr || !stats) return;
              Measures& m = entry->measures;
              std::int64_t now = g_get_monotonic_time();
              std::int64_t passed_us = now - m.sampled_us;
              if (m.sampled_us != 0 && passed_us > 0 && stats->cpu_time_ns >= m.cpu_time_ns) {
                auto used_us =
                    static_cast<std::int64_t>((stats->cpu_time_ns - m.cpu_time_ns) / 1000);
                m.cpu_percent = static_cast<std::uint32_t>(used_us * 100 / passed_us);
              }
              m.cpu_time_ns = stats->cpu_time_ns;
              m.sampled_us = now;
            });
}

// --- what libvirt says -------------------------------------------------------------------------

void Levels::OnDomainEvent(const DomainEvent& event) {
  using Kind = DomainEvent::Kind;
  Entry* entry = Find(event.level);
  if (entry == nullptr || (event.kind != Kind::kStopped && event.kind != Kind::kCrashed)) return;
  std::string word =
      event.kind == Kind::kCrashed && event.reason.empty() ? "crashed" : event.reason;
  Do(event.level, entry->machine.DomainGone(word, UnixMs()));
}

void Levels::OnListing(const Listing& listing, std::uint64_t asked_at, bool first) {
  if (first) return Adopt(listing);
  std::set<std::string> there;
  for (const DomainInfo& domain : listing.ours) there.insert(domain.level);
  for (auto& [level, entry] : entries_) {
    // What began after the question is not in the answer.
    if (entry.busy || entry.begun_at > asked_at) continue;
    if (Act again = entry.machine.TryAgain(UnixMs()); again != Act::kNone) {
      Do(level, again);
    } else if (entry.machine.Live() && !there.contains(level)) {
      Do(level, entry.machine.DomainGone("vanished", UnixMs()));
    }
  }
}

void Levels::Adopt(const Listing& listing) {
  adopted_ = true;
  RunBook::Marks marks = world_.runs->marks();
  TellWhoIsUp(listing);
  for (const DomainInfo& domain : listing.ours) AdoptDomain(domain, marks);
  for (const auto& [level, mark] : marks) {
    if (applied_->FindLevel(level) == nullptr) continue;
    Do(level, entries_[level].machine.FoundNoDomain(mark != RunMark::kStarting, UnixMs()));
  }
  RemoveLeftovers();
  Autostart();
}

/// One word for all, before any level is looked at: a word about one level alone would end the
/// processes of the others. It also ends those of levels that are up no more.
void Levels::TellWhoIsUp(const Listing& listing) {
  std::set<std::string> up;
  for (const DomainInfo& domain : listing.ours) {
    if (!IsStranger(domain)) up.insert(domain.level);
  }
  world_.instances->Adopt(std::move(up));
  work_->Do(
      [instances = world_.instances, applied = applied_] { return instances->Refresh(applied); },
      [this](const Status& told) {
        if (!told) hooks_.log("superd: " + told.error().message);
      });
}

/// Not in the spec set in force, or it runs with the uid of another.
bool Levels::IsStranger(const DomainInfo& domain) const {
  return applied_->FindLevel(domain.level) == nullptr ||
         applied_->levels.at(domain.level) != domain.index;
}

void Levels::AdoptDomain(const DomainInfo& domain, RunBook::Marks& marks) {
  auto mark = marks.extract(domain.level);
  LevelMachine& machine = entries_[domain.level].machine;
  machine.SetImageVersion(domain.image_version);
  if (IsStranger(domain)) {
    std::string reason = "it ran and is not in the applied spec set";
    hooks_.log("level " + domain.level + ": " + reason + ": it is ended");
    return Do(domain.level, machine.FoundStranger(reason, UnixMs()));
  }
  bool was_running = mark && mark.mapped() == RunMark::kRunning;
  bool keep_paused = mark && mark.mapped() == RunMark::kPaused;
  Do(domain.level, machine.FoundDomain(domain.state == DomainState::kRunning, was_running,
                                       keep_paused, UnixMs()));
}

// --- what people see ---------------------------------------------------------------------------

LevelView Levels::ViewOf(const vmspec::Level& level) const {
  LevelView view;
  view.name = level.name;
  view.title = level.title;
  view.rank = level.label.rank;
  view.label = level.title + " (" + level.label.ToString() + ")";
  view.colour = level.colour;
  view.vcpus = level.vcpus;
  view.memory_mib = level.memory_mib;
  view.uplink = level.network.uplink;
  view.image = level.image;
  view.uid = LevelUid(applied_->levels.at(level.name));
  view.restart_needed = RestartsOf(level);
  auto entry = entries_.find(level.name);
  if (entry != entries_.end()) {
    view.status = entry->second.machine.status();
    view.measures = entry->second.measures;
  }
  return view;
}

std::vector<LevelView> Levels::Views() const {
  std::vector<LevelView> all;
  for (const auto& [name, level] : applied_->spec.levels) all.push_back(ViewOf(level));
  return all;
}

Result<LevelView> Levels::View(const std::string& level) const {
  const vmspec::Level* spec = applied_->FindLevel(level);
  if (spec == nullptr) {
    return Fail(ErrorCode::kNotFound, "the applied spec set has no level " + level);
  }
  return ViewOf(*spec);
}

bool Levels::IsReady(const std::string& level) const {
  auto it = entries_.find(level);
  return it != entries_.end() && it->second.machine.phase() == Phase::kRunning;
}

std::set<std::string> Levels::Live() const {
  std::set<std::string> live;
  for (const auto& [level, entry] : entries_) {
    if (entry.machine.Live()) live.insert(level);
  }
  return live;
}

void Levels::SetDevices(const std::string& level, std::set<std::string> devices) {
  Entry* entry = Find(level);
  if (entry == nullptr || entry->measures.devices == devices) return;
  entry->measures.devices = std::move(devices);
  hooks_.changed(level);
}

}  // namespace bulkhead::hostd
