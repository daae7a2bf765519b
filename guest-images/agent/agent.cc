// SPDX-License-Identifier: GPL-2.0-or-later
#include "guest-images/agent/agent.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>

namespace bulkhead::agent {

namespace {

using std::chrono::milliseconds;
constexpr std::chrono::seconds kHealthEvery{5};
constexpr milliseconds kSoon{100};
constexpr milliseconds kInterfaceRetry{200};
constexpr std::chrono::seconds kNetworkRetry{5};

bool TakeSignal(int fd) {
  bool any = false;
  signalfd_siginfo info;
  while (fd >= 0 && ::read(fd, &info, sizeof info) == sizeof info) any = true;
  return any;
}

}  // namespace

Result<std::unique_ptr<Agent>> Agent::Create(GuestSystem& system, AgentConfig config) {
  auto desk = SendDesk::Create(system, config.program, config.send_socket);
  if (!desk) return Propagate(desk);
  return std::unique_ptr<Agent>(new Agent(system, std::move(config), std::move(*desk)));
}

Agent::Agent(GuestSystem& system, AgentConfig config, SendDesk desk)
    : system_(&system),
      link_(system.Identity()),
      runs_(config.program, config.user),
      desk_(std::move(desk)),
      in_flows_(system, config.program, config.user, config.ids_folder) {}

void Agent::RunOnce(milliseconds longest, int sigio_fd) {
  TimePoint now = Clock::now();
  if (!link_.open()) OpenControl(now);
  PollSet set;
  link_.AddWishes(set);
  runs_.AddWishes(set, !link_.congested());
  desk_.AddWishes(set);
  in_flows_.AddWishes(set);
  set.Want(sigio_fd, POLLIN);
  bool may_read_output = !link_.congested();
  set.Wait(PollTime(now, longest));

  now = Clock::now();
  bool signalled = set.Got(sigio_fd) != 0 && TakeSignal(sigio_fd);
  for (const auto& message : link_.Handle(set, signalled, now)) Obey(message);
  std::vector<control::GuestMessage> out;
  runs_.Handle(set, may_read_output, out);
  desk_.Handle(set, now, out);
  in_flows_.Handle(set, now, out);
  for (const auto& message : out) link_.Send(message);
  Settle(now);
  TellHealth(now);
}

milliseconds Agent::PollTime(TimePoint now, milliseconds longest) const {
  milliseconds time = std::min(longest, link_.NextLook());
  if (!ready_said_ || network_ || desk_.waiting() || in_flows_.waiting()) {
    time = std::min(time, kSoon);
  }
  auto to_health = std::chrono::ceil<milliseconds>(health_at_ - now);
  return std::max(milliseconds(0), std::min(time, to_health));
}

void Agent::OpenControl(TimePoint now) {
  auto port = system_->OpenPort(control::kPortName);
  if (port) return link_.Open(std::move(*port), now);
  Note(Propagate(port));
}

void Agent::Note(const Status& status) {
  if (status || status.error().message == last_news_) return;
  last_news_ = status.error().message;
  news_.push_back(last_news_);
}

void Agent::Obey(const control::HostMessage& message) {
  if (auto* welcome = std::get_if<control::Welcome>(&message)) {
    OnWelcome(*welcome);
  } else if (auto* clock = std::get_if<control::Clock>(&message)) {
    Note(system_->SetClock(clock->time_us));
  } else if (std::holds_alternative<control::Shutdown>(message)) {
    Note(system_->PowerOff());
  } else if (auto* run = std::get_if<control::Run>(&message)) {
    std::vector<control::GuestMessage> out;
    runs_.Start(*run, out);
    for (const auto& m : out) link_.Send(m);
  } else if (auto* cancel = std::get_if<control::RunCancel>(&message)) {
    runs_.Cancel(cancel->run);
  }
}

void Agent::OnWelcome(const control::Welcome& welcome) {
  Note(system_->SetHostName(welcome.level));
  Note(system_->SetClock(welcome.time_us));
  desk_.Set(welcome.level, welcome.outgoing);
  in_flows_.Set(welcome.incoming);
  network_ = welcome;
  network_at_ = {};
  ready_said_ = false;
}

/// The interface may appear later than we do. Settings that fail are tried again: a level without
/// its network is not ready, and the host says so when its patience ends.
bool Agent::ApplyNetwork(TimePoint now) {
  if (!network_) return true;
  if (now < network_at_) return false;
  Status set = system_->SetNetwork(*network_);
  bool absent = !set && set.error().code == ErrorCode::kNotFound;
  network_at_ = now + (absent ? kInterfaceRetry : kNetworkRetry);
  Note(set);
  if (set) network_.reset();
  return set.has_value();
}

void Agent::Settle(TimePoint now) {
  if (!link_.welcomed()) return;
  in_flows_.Tend(now);
  if (ready_said_ || !ApplyNetwork(now) || !system_->IsUp()) return;
  link_.Send(control::Ready{});
  ready_said_ = true;
}

void Agent::TellHealth(TimePoint now) {
  if (now < health_at_) return;
  health_at_ = now + kHealthEvery;
  if (link_.welcomed() && !link_.congested()) link_.Send(system_->Measure());
}

}  // namespace bulkhead::agent
