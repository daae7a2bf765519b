// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/daemon.h"

#include <glib.h>

#include <cstdio>

#include "hostd/bus/host1_methods.h"
#include "hostd/bus/variants.h"
#include "vmspec/base/file.h"
#include "vmspec/base/sanitize.h"

namespace bulkhead::hostd {

namespace {

constexpr unsigned kThreads = 8;
constexpr std::uint32_t kLookAgainMs = 2000;
constexpr std::uint32_t kLongestRunMs = 3'600'000;

Result<std::string> HostBootId() {
  auto text = ReadFile("/proc/sys/kernel/random/boot_id", 64);
  if (!text) return Propagate(text);
  return text->substr(0, text->find('\n'));
}

GVariant* Named(const std::string& name, GVariant* dict) {
  return g_variant_new("(s@a{sv})", name.c_str(), dict);
}

std::string Word(const Status& status) { return status ? "ok" : status.error().message; }

template <typename T>
Status AsStatus(const Result<T>& result) {
  if (!result) return Propagate(result);
  return {};
}

}  // namespace

// --- coming up ---------------------------------------------------------------------------------

Daemon::Daemon(Paths paths, std::unique_ptr<Hypervisor> hypervisor)
    : paths_(std::move(paths)), hypervisor_(std::move(hypervisor)) {}

Result<std::unique_ptr<Daemon>> Daemon::Create(Paths paths, std::unique_ptr<Hypervisor> hypervisor,
                                               const std::string& bus_address) {
  std::unique_ptr<Daemon> daemon(new Daemon(std::move(paths), std::move(hypervisor)));
  Daemon* self = daemon.get();
  if (Status s = self->Open(); !s) return Propagate(s);
  self->MakeParts();
  auto applied = self->spec_desk_->Load();
  if (!applied) return Propagate(applied);
  self->levels_->SetApplied(*applied);
  self->flows_->SetApplied(*applied);
  if (Status s = self->Listen(); !s) return Propagate(s);
  self->MakeBus(bus_address);
  self->ProbeAccel();
  if (self->hypervisor_->Connected()) self->LookAtLibvirt(true);
  return daemon;
}

void Daemon::MakeBus(const std::string& address) {
  roles_ = std::make_unique<RoleDesk>(std::make_unique<SystemDirectory>(),
                                      [] { return g_get_monotonic_time() / 1000; });
  auto identify = [this](uid_t uid, const std::function<void(Result<Caller>)>& then) {
    roles_->Identify(uid, [this, uid, then](const Result<Person>& person) {
      if (!person) return then(Propagate(person));
      then(Caller{uid, "uid:" + std::to_string(uid),
                  RolesOf(levels_->applied()->spec.host, uid, *person)});
    });
  };
  bus_ = std::make_unique<BusServer>(
      address,
      BusServer::Handlers{identify, [this](const CallPtr& call) { AnswerCall(*this, call); },
                          [this](const std::string& p) { return PropertyOf(*this, p); },
                          [this](const std::string& s) { Log(s); }});
}

Status Daemon::Open() {
  auto boot_id = HostBootId();
  if (!boot_id) return Propagate(boot_id);
  auto audit = AuditLog::Open(paths_.AuditLog());
  if (!audit) return Propagate(audit);
  audit_ = std::move(*audit);
  auto indexes = IndexBook::Open(paths_.HostdState() + "/indexes", *boot_id);
  if (!indexes) return Propagate(indexes);
  indexes_ = std::move(*indexes);
  runs_ = std::make_unique<RunBook>(paths_.HostdState() + "/runs", *boot_id);
  started_ = std::make_unique<StartedBook>(paths_.HostdState() + "/started", *boot_id);
  return {};
}

World Daemon::MakeWorld() {
  World world;
  world.paths = paths_;
  world.audit = audit_.get();
  world.images = images_.get();
  world.accel = accel_.get();
  world.network = network_.get();
  world.hypervisor = hypervisor_.get();
  world.instances = instances_.get();
  world.devices = devices_.get();
  world.runs = runs_.get();
  world.started = started_.get();
  return world;
}

void Daemon::MakeParts() {
  work_ = std::make_unique<Work>(kThreads);
  spec_store_ =
      std::make_unique<SpecStore>(paths_.HostdState() + "/spec", paths_.HostdState() + "/history");
  // roles_ is there before anybody can apply or approve.
  auto roles_now = [this](const vmspec::Host& host, uid_t uid) -> Result<std::set<std::string>> {
    auto person = roles_->Ask(uid);
    if (!person) return Propagate(person);
    return RolesOf(host, uid, *person);
  };
  approvals_ =
      std::make_unique<ApprovalDesk>(paths_.HostdState() + "/approvals", audit_.get(), roles_now);
  spec_desk_ = std::make_unique<SpecDesk>(paths_, spec_store_.get(), indexes_.get(),
                                          approvals_.get(), audit_.get());
  images_ = std::make_unique<ImageStore>(paths_.state + "/images");
  accel_ =
      std::make_unique<AccelProbe>(AccelProbeOptions{.cache_file = paths_.run + "/hostd/accel"});
  network_ = std::make_unique<NetdPort>(paths_.NetdSocket());
  super_ = std::make_unique<SuperPort>(paths_.SuperSocket());
  broker_ = std::make_unique<BrokerPort>(paths_.BrokerSocket());
  instances_ = std::make_unique<InstanceKeeper>(super_.get());
  devices_ = std::make_unique<DeviceDesk>(
      broker_.get(), hypervisor_.get(), audit_.get(),
      [this](const broker::Device& d) { Work::ToMain([this, d] { ShowDevice(d); }); });
  flows_ = std::make_unique<FlowDesk>(FlowDesk::Hooks{
      [this](Entry e, std::function<void()> then) { Record(std::move(e), std::move(then)); },
      [this](const Role& role, report::FromHostd m) { reports_->Send(role, report::Encode(m)); },
      [this](const std::string& f, const Entry& e) {
        bus_->Emit("FlowEvent", Named(f, ToVariant(e)));
      },
      [this](const std::string& level) { return levels_->IsReady(level); },
      [] { return g_get_monotonic_time() / 1000; }});
  auto send = [this](const std::string& level, control::HostMessage m) {
    return reports_->Send({Role::Kind::kAgentd, level}, control::Encode(m));
  };
  guest_runs_ = std::make_unique<GuestRuns>(send, g_random_int());
  levels_ = std::make_unique<Levels>(
      work_.get(), MakeWorld(),
      Levels::Hooks{send,
                    [this](const std::string& level) {
                      auto view = levels_->View(level);
                      if (view && bus_) bus_->Emit("LevelChanged", Named(level, ToVariant(*view)));
                    },
                    [this](const std::string& level) { flows_->OnLevelReady(level); },
                    [this](const std::string& level) { guest_runs_->OnAgentGone(level); },
                    [this](const std::string& sentence) { Log(sentence); }});
  hypervisor_->SetOnEvent([this](const DomainEvent& event) {
    if (event.kind == DomainEvent::Kind::kConnectionBack) return LookAtLibvirt(!settled_);
    if (event.kind == DomainEvent::Kind::kConnectionLost) return Log("libvirt is gone");
    levels_->OnDomainEvent(event);
  });
}

Status Daemon::Listen() {
  auto reports = ReportServer::Listen(
      paths_.ReportSocket(),
      {[this](uid_t uid) { return RoleOf(uid, *indexes_); },
       [this](const Role& role) { flows_->OnHalfUp(role); },
       [this](const Role& role, const Frame& frame) { return OnReport(role, frame); },
       [this](const Role& role, const std::string& why) {
         Log(role.ToString() + " is gone: " + why);
         if (role.kind == Role::Kind::kAgentd) levels_->OnLink(role.name, {});
       }});
  if (!reports) return Propagate(reports);
  reports_ = std::move(*reports);
  return {};
}

void Daemon::LookAtLibvirt(bool first) {
  settled_ = true;
  work_->Do([hypervisor = hypervisor_.get()] { return hypervisor->List(); },
            [this, first, asked = levels_->Epoch()](const Result<Listing>& listing) {
              if (!listing) return LookAgain(listing.error(), first);
              if (first) return OnFirstListing(*listing);
              levels_->OnListing(*listing, asked, false);
              SettleDevices(*listing);
            });
}

/// When libvirtd went away its coming back asks anew; when it was only slow nobody would.
void Daemon::LookAgain(const Error& why, bool first) {
  if (first) settled_ = false;
  look_again_.Set(kLookAgainMs, [this] { LookAtLibvirt(!settled_); });
  Log("libvirt: " + why.message);
}

/// Broker and netd are told what is true, as long as nothing can be started: a level that starts
/// now would not be among those whose rules stay. Then the levels are adopted.
void Daemon::OnFirstListing(const Listing& listing) {
  // Levels that are up, rightly or not: the rules of none of them may go before it does (I1).
  std::set<std::string> up;
  for (const auto& domain : listing.ours) up.insert(domain.level);
  for (const auto& [level, mark] : runs_->marks()) up.insert(level);
  AppliedSpecPtr applied = levels_->applied();
  work_->Do(
      [this, up, applied] {
        for (const Status& s :
             {broker_->SetPolicy(applied->spec), network_->RetainOnly({up.begin(), up.end()})}) {
          if (s) continue;
          Work::ToMain([this, s] { Log("not all could be settled: " + s.error().message); });
        }
        // That may have taken long: what is adopted is what is there now.
        return hypervisor_->List();
      },
      [this, applied](const Result<Listing>& now) {
        // A set that came meanwhile may have been said before the old one was: it is said again.
        if (levels_->applied() != applied && !applying_) {
          PushSpec(applied, levels_->applied(), [](const std::vector<std::string>&) {});
        }
        if (!now) return LookAgain(now.error(), true);
        levels_->OnListing(*now, levels_->Epoch(), true);
        SettleDevices(*now);
      });
}

/// What a hostd that was killed, or a libvirtd or brokerd, left undone.
void Daemon::SettleDevices(const Listing& listing) {
  std::set<std::string> domains;
  for (const auto& domain : listing.ours) domains.insert(domain.level);
  work_->Do([this, domains] { return devices_->Reconcile(domains); },
            [this](const Status& settled) {
              if (!settled) Log("not all devices could be settled: " + settled.error().message);
              RefreshDevices();
            });
}

void Daemon::ProbeAccel() {
  const vmspec::Host& host = levels_->applied()->spec.host;
  work_->Do(
      [this, wanted = host.accel, tcg = host.allow_tcg, first = accel_view_.word == "unknown"] {
        auto choice = accel_->Probe(wanted, tcg);
        bool kvm = choice && choice->kind == AccelKind::kKvm;
        if (first && !kvm && wanted != vmspec::Accel::kTcg) Log(accel_->Examine().sentence);
        return choice;
      },
      [this, probe = ++accel_probe_](const Result<AccelChoice>& choice) {
        // Of an older spec set than the one in force: its answer came late.
        if (probe != accel_probe_) return;
        if (choice) {
          accel_view_ = {std::string(AccelName(choice->kind)), choice->reason};
        } else {
          accel_view_ = {"none", choice.error().message};
        }
      });
}

// --- what halves and agents say ----------------------------------------------------------------

Status Daemon::OnReport(const Role& role, const Frame& frame) {
  if (role.kind == Role::Kind::kAgentd) return OnAgentReport(role.name, frame);
  auto message = report::DecodeToHostd(frame);
  if (!message) return Propagate(message);
  const auto* decision = std::get_if<report::Decision>(&*message);
  if (decision == nullptr) {
    return Fail(ErrorCode::kCorrupt, role.ToString() + " speaks as an agentd does");
  }
  return flows_->OnDecision(role, *decision);
}

Status Daemon::OnAgentReport(const std::string& level, const Frame& frame) {
  if (frame.type == report::AgentLink::kType) {
    auto link = report::DecodeToHostd(frame);
    if (!link) return Propagate(link);
    levels_->OnLink(level, std::get<report::AgentLink>(*link));
    return {};
  }
  auto message = control::DecodeGuest(frame);
  if (!message) return Propagate(message);
  if (auto* output = std::get_if<control::RunOutput>(&*message)) {
    guest_runs_->OnOutput(level, std::move(*output));
  } else if (const auto* exit = std::get_if<control::RunExit>(&*message)) {
    guest_runs_->OnExit(level, *exit);
  } else if (const auto* delivered = std::get_if<control::Delivered>(&*message)) {
    // agentd is not to blame for what its guest says: the connection stays.
    if (Status s = flows_->OnDelivered(level, *delivered); !s) Log(s.error().message);
  } else if (const auto* refused = std::get_if<control::SendRefused>(&*message)) {
    flows_->OnSendRefused(level, *refused);
  } else {
    levels_->OnGuest(level, *message);
  }
  return {};
}

void Daemon::TryRecord(Entry entry, std::function<void(Status)> then) {
  work_->Do(
      [audit = audit_.get(), entry = std::move(entry)] {
        return audit->Append(entry.actor, entry.action, entry.subject, entry.outcome, entry.detail);
      },
      [this, then = std::move(then)](const Status& recorded) {
        if (!recorded) {
          Log("the audit log cannot be written, so nothing is let through: " +
              recorded.error().message);
        }
        then(recorded);
      });
}

void Daemon::Record(Entry entry, std::function<void()> then) {
  TryRecord(std::move(entry), [then = std::move(then)](const Status& recorded) {
    if (recorded) then();
  });
}

// --- what people ask ---------------------------------------------------------------------------

Status Daemon::Start(const std::string& level, const std::string& actor, bool paused) {
  if (applying_) {
    return Fail(ErrorCode::kBusy, "a spec set is being applied: try again in a moment");
  }
  return levels_->Start(level, actor, paused);
}

Status Daemon::Stop(const std::string& level, const std::string& actor, bool force) {
  return levels_->Stop(level, actor, force);
}

Status Daemon::Restart(const std::string& level, const std::string& actor) {
  if (applying_) {
    return Fail(ErrorCode::kBusy, "a spec set is being applied: try again in a moment");
  }
  return levels_->Restart(level, actor);
}

void Daemon::ApplySpec(ApplyOrder order, ApplyDone done) {
  PutIntoForce(
      [this, order = std::move(order)](const AppliedSpecPtr& now,
                                       const std::set<std::string>& live) {
        return spec_desk_->Apply(order, now, live);
      },
      std::move(done));
}

void Daemon::Rollback(const Caller& caller, std::uint32_t version, const std::string& comment,
                      ApplyDone done) {
  PutIntoForce(
      [this, caller, version, comment](const AppliedSpecPtr& now,
                                       const std::set<std::string>& live) {
        return spec_desk_->Rollback(caller, version, comment, now, live);
      },
      std::move(done));
}

void Daemon::ApproveDowngrades(const Caller& caller, vmspec::SpecFiles files, ApprovalsDone done) {
  work_->Do([this, caller, files = std::move(files)] { return spec_desk_->Approve(caller, files); },
            std::move(done));
}

void Daemon::ListApprovals(ApprovalsDone done) {
  work_->Do([this] { return spec_desk_->Approvals(); }, std::move(done));
}

void Daemon::SpecHistory(std::function<void(Result<std::vector<HistoryEntry>>)> done) {
  work_->Do([this] { return spec_desk_->History(); }, std::move(done));
}

void Daemon::SpecVersionOf(std::uint32_t version, std::function<void(Result<StoredSpec>)> done) {
  work_->Do([this, version] { return spec_desk_->Version(version); }, std::move(done));
}

void Daemon::PutIntoForce(Judge judge, ApplyDone done) {
  if (applying_) {
    return done(Fail(ErrorCode::kBusy, "another spec set is being applied: try again in a moment"));
  }
  applying_ = true;
  AppliedSpecPtr before = levels_->applied();
  work_->Do(
      [judge = std::move(judge), before, live = levels_->Live()] { return judge(before, live); },
      [this, before, done = std::move(done)](const Result<SpecOutcome>& outcome) {
        if (outcome && outcome->applied) return OnJudged(before, *outcome, done);
        applying_ = false;
        if (!outcome) return done(Propagate(outcome));
        done(ApplyReport{*outcome, {}, {}});
      });
}

/// The set is in force; now everybody obeys it.
void Daemon::OnJudged(const AppliedSpecPtr& before, const SpecOutcome& outcome,
                      const ApplyDone& done) {
  AppliedSpecPtr applied = outcome.applied;
  levels_->SetApplied(applied);
  flows_->SetApplied(applied);
  const vmspec::Host& was = before->spec.host;
  const vmspec::Host& is = applied->spec.host;
  if (was.accel != is.accel || was.allow_tcg != is.allow_tcg) ProbeAccel();
  PushSpec(before, applied, [this, done, outcome](std::vector<std::string> notes) {
    applying_ = false;
    if (!outcome.dropped.empty()) notes.push_back(SayDropped(outcome.dropped));
    ApplyReport report{outcome, {}, std::move(notes)};
    for (const LevelView& view : levels_->Views()) {
      if (view.restart_needed.empty()) continue;
      report.restart_needed[view.name] = view.restart_needed;
    }
    done(std::move(report));
  });
}

/// A level whose network or halves cannot be made so is stopped (I8); one that the set does not
/// change is not touched.
void Daemon::PushSpec(const AppliedSpecPtr& before, const AppliedSpecPtr& after, PushDone done) {
  levels_->Converge([this, before, after, done = std::move(done)] {
    work_->Do(
        [this, before, after, live = levels_->Live()] { return PushToOthers(before, after, live); },
        [this, done](const std::map<std::string, std::string>& faults) {
          done(IsolateUnprotected(faults));
        });
  });
}

std::map<std::string, std::string> Daemon::PushToOthers(const AppliedSpecPtr& before,
                                                        const AppliedSpecPtr& after,
                                                        const std::set<std::string>& live) {
  std::map<std::string, std::string> faults;
  Status policy = broker_->SetPolicy(after->spec);
  if (!policy) faults[""] = "brokerd: " + policy.error().message;
  if (Status told = instances_->Refresh(after); !told) {
    for (const std::string& level : EndsOfChanges(*before, *after, live)) {
      faults[level] = told.error().message;
    }
  }
  auto holding_on = devices_->TakeBackDisallowed();
  if (holding_on) faults.merge(*holding_on);
  return faults;
}

std::vector<std::string> Daemon::IsolateUnprotected(
    const std::map<std::string, std::string>& faults) {
  std::vector<std::string> sentences;
  for (const auto& [level, fault] : faults) {
    sentences.push_back((level.empty() ? "the new spec set" : level) + ": " + fault);
    Log(sentences.back());
    if (!level.empty()) {
      levels_->Isolate(level, "spec",
                       "the new spec set could not be put into force for it: " + fault);
    }
  }
  return sentences;
}

void Daemon::OpenConsole(const std::string& level, const std::string& actor,
                         std::function<void(Result<UniqueFd>)> done) {
  auto view = levels_->View(level);
  if (!view) return done(Propagate(view));
  if (!levels_->Live().contains(level)) {
    return done(Fail(ErrorCode::kUnavailable,
                     level + " does not run, so it has no console: bulkhead start " + level));
  }
  TryRecord({actor, "level.console", level, "allowed", {}},
            [this, level, done = std::move(done)](const Status& recorded) {
              if (!recorded) return done(Propagate(recorded, "the audit log"));
              auto stream = ConnectUnixNow(paths_.ChannelSocket(level, "console"));
              if (!stream) return done(Propagate(stream, "the console of " + level));
              done(std::move(*stream));
            });
}

void Daemon::Run(const std::string& level, const std::string& user, std::vector<std::string> argv,
                 std::uint32_t timeout_ms, const std::string& actor, GuestRuns::Done done) {
  if (Status up = levels_->RequireListening(level); !up) return done(Propagate(up));
  if (user != "user" && user != "root") {
    return done(Fail(ErrorCode::kInvalid,
                     "a program runs as user or as root, not as " + Printable(user, 64)));
  }
  if (argv.empty() || argv.size() > 64) {
    return done(Fail(ErrorCode::kInvalid,
                     "a program has 1 to 64 words, not " + std::to_string(argv.size())));
  }
  for (const std::string& word : argv) {
    if (word.size() > 4096) {
      return done(Fail(ErrorCode::kLimit, "a word of the command is longer than 4096 bytes"));
    }
  }
  Entry entry{actor, "level.run", level, "allowed", {{"user", user}, {"program", argv[0]}}};
  timeout_ms = std::clamp<std::uint32_t>(timeout_ms, 1, kLongestRunMs);
  TryRecord(std::move(entry), [this, level, user, argv = std::move(argv), timeout_ms,
                               done = std::move(done)](const Status& recorded) mutable {
    if (!recorded) return done(Propagate(recorded, "the audit log"));
    guest_runs_->Start(level, user, std::move(argv), timeout_ms, std::move(done));
  });
}

void Daemon::ListDevices(std::function<void(Result<std::vector<broker::Device>>)> done) {
  work_->Do([this] { return devices_->List(); }, std::move(done));
}

void Daemon::LendDevice(const std::string& device, const std::string& level, bool write,
                        const std::string& actor, std::function<void(Status)> done) {
  if (Status up = levels_->RequireRunning(level); !up) return done(Propagate(up));
  work_->Do(
      [this, actor, device, level, write] { return devices_->Lend(actor, device, level, write); },
      std::move(done));
}

void Daemon::TakeBackDevice(const std::string& device, const Caller& caller,
                            std::function<void(Status)> done) {
  auto may = [caller, applied = levels_->applied()](const std::string& level) {
    return MayLend(applied->spec, caller, level);
  };
  work_->Do(
      [this, actor = caller.actor, device, may] { return devices_->TakeBack(actor, device, may); },
      std::move(done));
}

void Daemon::RecordRefusal(const Caller& caller, const Ask& ask, const Error& why) {
  constexpr std::size_t kMostBudgets = 1024;
  if (refusals_.size() >= kMostBudgets) refusals_.clear();
  RefusalBudget& budget = refusals_[caller.uid];
  if (!budget.Take(g_get_monotonic_time() / 1000)) return;
  Entry entry{caller.actor,
              std::string(ActionOf(ask.method)),
              ask.level.empty() ? ask.method : ask.level,
              "refused",
              {{"reason", why.message}}};
  if (auto n = budget.TakeLeftOut()) {
    entry.detail.emplace_back("not-recorded-before", std::to_string(n));
  }
  Record(std::move(entry), [] {});
}

void Daemon::NetStatus(std::function<void(Result<std::vector<netpolicy::LevelNetStatus>>)> done) {
  work_->Do([this] { return network_->GetStatus(); }, std::move(done));
}

void Daemon::AuditTail(std::uint32_t lines,
                       std::function<void(Result<std::vector<std::string>>)> done) {
  work_->Do([this, lines] { return audit_->Tail(lines); }, std::move(done));
}

void Daemon::AuditVerify(std::function<void(Result<AuditVerdict>)> done) {
  work_->Do([this] { return audit_->Verify(); }, std::move(done));
}

void Daemon::Services(std::function<void(std::map<std::string, std::string>)> done) {
  work_->Do(
      [this] {
        std::map<std::string, std::string> all;
        all["libvirt"] = hypervisor_->Connected() ? "ok" : "libvirtd does not answer";
        all["netd"] = Word(AsStatus(network_->GetStatus()));
        all["brokerd"] = Word(broker_->Probe());
        all["super"] = Word(AsStatus(super_->GetStatus()));
        return all;
      },
      std::move(done));
}

// --- what people see ---------------------------------------------------------------------------

void Daemon::ShowDevice(const broker::Device& device) {
  if (bus_) bus_->Emit("DeviceChanged", Named(device.id, ToVariant(device)));
  RefreshDevices();
}

void Daemon::RefreshDevices() {
  work_->Do([this] { return devices_->List(); },
            [this](const Result<std::vector<broker::Device>>& devices) {
              if (!devices) return;
              std::map<std::string, std::set<std::string>> held;
              for (const auto& d : *devices) {
                if (d.state != broker::DeviceState::kHost) held[d.level].insert(d.id);
              }
              for (const auto& [name, level] : levels_->applied()->spec.levels) {
                levels_->SetDevices(name, held[name]);
              }
            });
}

void Daemon::Log(const std::string& sentence) {
  std::fprintf(stderr, "bulkhead-hostd: %s\n", Printable(sentence, 2000).c_str());
}

}  // namespace bulkhead::hostd
