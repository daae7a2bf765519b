// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/super/daemon.h"

#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstring>

#include "hostd/super/leftovers.h"
#include "hostd/super/machine.h"
#include "vmspec/base/identity.h"
#include "vmspec/base/socket.h"

namespace bulkhead::super {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds kStartPatience{60'000};
constexpr std::uint32_t kVainStarts = 5;
constexpr milliseconds kLongestTurn{1000};

Result<UniqueFd> BlockAndOpenSignals() {
  sigset_t set;
  sigemptyset(&set);
  for (int s : {SIGCHLD, SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, s);
  if (::sigprocmask(SIG_BLOCK, &set, nullptr) != 0) return FailErrno("sigprocmask");
  UniqueFd fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd) return FailErrno("signalfd");
  return fd;
}

/// Three descriptors an instance.
void RaiseOpenFiles() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  (void)::setrlimit(RLIMIT_NOFILE, &limit);
}

std::string ChildrenRecord(const Paths& paths) { return paths.run + "/super/children"; }

/// A systemd, or somebody by hand, runs libvirtd already: it stays theirs.
void LookForLibvirt(Site& site) {
  bool theirs =
      ::access("/run/systemd/system", F_OK) == 0 || ConnectUnixNow(kLibvirtSocket).has_value();
  site.own_libvirt = !theirs;
  if (theirs) site.foreign_libvirt_socket = kLibvirtSocket;
}

}  // namespace

Result<std::unique_ptr<Daemon>> Daemon::Create(Site site) {
  if (::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0) return FailErrno("become subreaper");
  RaiseOpenFiles();
  auto loop = EventLoop::Create();
  if (!loop) return Propagate(loop);
  auto signals = BlockAndOpenSignals();
  if (!signals) return Propagate(signals);
  UniqueFd devices(UdevRuns() ? -1 : ::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  std::unique_ptr<Daemon> daemon(
      new Daemon(std::move(site), std::move(*loop), std::move(*signals), std::move(devices)));
  if (auto s = daemon->Begin(); !s) return Propagate(s);
  return daemon;
}

Daemon::Daemon(Site site, EventLoop loop, UniqueFd signals, UniqueFd devices)
    : site_(std::move(site)),
      loop_(std::move(loop)),
      signals_(std::move(signals)),
      devices_(std::move(devices)),
      log_(site_.paths.run + "/super/log", site_.duty == Duty::kInstances),
      runner_(&loop_, &log_),
      supervisor_(&runner_),
      instances_(&site_, &supervisor_),
      bus_users_(site_.paths),
      begun_(Clock::now()) {}

Status Daemon::Begin() {
  auto left = EndLeftovers(ChildrenRecord(site_.paths), milliseconds(5000));
  if (!left) return Propagate(left);
  if (*left > 0)
    log_.Note("superd", std::to_string(*left) + " processes of an earlier superd ended");
  if (site_.duty == Duty::kAll) {
    if (auto s = PrepareMachine(); !s) return s;
  }
  auto services = Services(site_);
  if (!services) return Propagate(services);
  auto server = RequestServer::Create(&loop_, site_.paths.SuperSocket(),
                                      [this](const Request& r) { return AnswerTo(r); });
  if (!server) return Propagate(server);
  server_ = std::move(*server);
  for (auto& unit : *services) supervisor_.Want(std::move(unit), Clock::now());
  if (auto s = instances_.Restore(Clock::now()); !s) log_.Note("superd", s.error().message);
  LetLevelsUseKvm();
  return WatchSignals();
}

/// What systemd, udev and libvirt's own unit do where they run.
Status Daemon::PrepareMachine() {
  LookForLibvirt(site_);
  if (!site_.own_libvirt) {
    if (auto s = ListenForRelay(); !s) return s;
  }
  // What changes from here on is seen.
  if (auto seen = bus_users_.Refresh(); !seen) return Propagate(seen);
  if (auto s = WriteServiceFiles(site_.paths); !s) return s;
  if (auto s = OpenLibvirtFolder(site_.paths); !s) return s;
  WatchDevices();
  return DropCapabilities();
}

Status Daemon::ListenForRelay() {
  std::string socket = RelaySocket(site_.paths);
  auto listener = ListenUnix(socket, 0600);
  if (!listener) return Propagate(listener);
  if (::lchown(socket.c_str(), kUidHostd, kUidHostd) != 0) return FailErrno("chown " + socket);
  relay_listener_ = std::move(*listener);
  site_.relay_listener = relay_listener_.get();
  return {};
}

Status Daemon::WatchSignals() {
  return loop_.Watch(signals_.get(), EPOLLIN, [this](std::uint32_t) { TakeSignals(); });
}

void Daemon::TakeSignals() {
  signalfd_siginfo info{};
  while (::read(signals_.get(), &info, sizeof info) == sizeof info) {
    bool end = info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT;
    if (!end || stopping_) continue;
    stopping_ = true;
    log_.Note("superd", "stops everything");
    supervisor_.StopAll(Clock::now());
  }
  Reap();
}

/// Also QEMU and whatever else was orphaned to this subreaper: no zombie stays.
void Daemon::Reap() {
  int status = 0;
  for (pid_t pid; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) {
    supervisor_.Reaped(pid, status, Clock::now());
  }
}

void Daemon::WatchDevices() {
  if (UdevRuns()) return;
  for (const auto& node : PrepareDevices())
    log_.Note("superd", "opened /dev/" + node + " as udev would");
  if (!devices_ || ::inotify_add_watch(devices_.get(), "/dev", IN_CREATE) < 0) return;
  (void)loop_.Watch(devices_.get(), EPOLLIN, [this](std::uint32_t) { TakeDevices(); });
}

void Daemon::TakeDevices() {
  alignas(inotify_event) std::array<char, 8192> buffer;
  ssize_t n = ::read(devices_.get(), buffer.data(), buffer.size());
  for (ssize_t at = 0; at < n;) {
    inotify_event event{};
    std::memcpy(&event, buffer.data() + at, sizeof event);
    const char* name = buffer.data() + at + sizeof event;
    if (event.len > 0 && PrepareDevice("/dev", name)) {
      log_.Note("superd", std::string("opened /dev/") + name + " as udev would");
    }
    at += static_cast<ssize_t>(sizeof event + event.len);
  }
}

/// Without it a level starts under TCG or says that it may not open KVM: no reason to refuse.
void Daemon::LetLevelsUseKvm() {
  auto let = LetUseKvm(instances_.LevelUids());
  if (!let) log_.Note("superd", "levels may not use KVM: " + let.error().message);
}

Answer Daemon::AnswerTo(const Request& request) {
  if (std::holds_alternative<GetStatus>(request)) return StatusList{supervisor_.Status()};
  if (stopping_) return ToFailed({ErrorCode::kUnavailable, "everything is being stopped", 0});
  auto s = instances_.Set(std::get<SetInstances>(request).instances, Clock::now());
  if (s) {
    LetLevelsUseKvm();
    return Done{};
  }
  log_.Note("superd", "refused instances: " + s.error().message);
  return ToFailed(s.error());
}

void Daemon::Run(const Announce& announce) {
  while (!stopping_ || !supervisor_.AllGone()) {
    supervisor_.Turn(Clock::now());
    AfterTurn();
    if (!announced_) AnnounceWhenKnown(announce);
    loop_.RunOnce(std::min(kLongestTurn, supervisor_.DueIn(Clock::now())));
  }
  AfterTurn();
  instances_.ForgetRecord();
  (void)LetUseKvm({});
  ::unlink(ChildrenRecord(site_.paths).c_str());
  if (!site_.own_libvirt) ::unlink(RelaySocket(site_.paths).c_str());
  log_.Note("superd", "ends");
}

/// A look costs two stat(2): there is at least a turn a second.
void Daemon::RefreshBus() {
  if (stopping_ || !announced_ || site_.duty != Duty::kAll) return;
  auto changed = bus_users_.Refresh();
  if (!changed)
    return log_.Note("bus", "its users could not be refreshed: " + changed.error().message);
  if (!*changed) return;
  log_.Note("superd", "the machine's users or groups changed: the bus reads them anew");
  supervisor_.Signal("bus", SIGHUP);
}

void Daemon::AfterTurn() {
  RefreshBus();
  for (const auto& [unit, sentence] : supervisor_.TakeNews()) {
    log_.Note(unit, sentence);
    log_.Note("superd", unit + ": " + sentence);
  }
  server_->EndSlowOnes();
  auto pids = supervisor_.Pids();
  if (pids == recorded_) return;
  if (RecordChildren(ChildrenRecord(site_.paths), pids)) recorded_ = std::move(pids);
}

void Daemon::AnnounceWhenKnown(const Announce& announce) {
  bool ready = supervisor_.AllReady();
  std::string failure = ready ? std::string() : WhyNotReady();
  if (!ready && failure.empty()) return;
  announced_ = true;
  log_.Note("superd", ready ? "all services are up" : failure);
  announce(failure);
}

/// Empty while there is hope.
std::string Daemon::WhyNotReady() const {
  if (stopping_) return "stopped while starting";
  bool late = Clock::now() - begun_ > kStartPatience;
  for (const auto& unit : supervisor_.NotReady()) {
    if (!late && unit.restarts < kVainStarts) continue;
    std::string last = log_.LastLine(unit.unit);
    return unit.unit + " does not come up" + (last.empty() ? "" : ": " + last) +
           " (its log: " + log_.PathOf(unit.unit) + ")";
  }
  return {};
}

}  // namespace bulkhead::super
