// SPDX-License-Identifier: GPL-2.0-or-later
#include "guest-images/agent/in_flows.h"

#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>

#include "guest-images/agent/fixed_fds.h"

namespace bulkhead::agent {

namespace {
constexpr std::chrono::seconds kRestartGap{1};
}

bool IsPlainName(std::string_view name) {
  auto lower = [](char c) { return c >= 'a' && c <= 'z'; };
  if (name.empty() || name.size() > 31 || !lower(name[0])) return false;
  return std::ranges::all_of(
      name, [&](char c) { return lower(c) || (c >= '0' && c <= '9') || c == '-'; });
}

void InFlows::Set(const std::vector<control::FlowEnd>& incoming) {
  std::map<std::string, Worker> wanted;
  for (const auto& end : incoming) {
    if (!IsPlainName(end.flow) || !IsPlainName(end.peer)) continue;
    auto it = workers_.find(end.flow);
    if (it != workers_.end() && it->second.from == end.peer) {
      wanted.insert(workers_.extract(it));
    } else {
      wanted[end.flow].from = end.peer;
    }
  }
  for (auto& [flow, worker] : workers_) Stop(worker);
  workers_ = std::move(wanted);
}

void InFlows::Tend(TimePoint now) {
  for (auto& [flow, worker] : workers_) {
    if (worker.child.pid > 0 || now < worker.start_at) continue;
    // The port may not be there yet, or a worker before this one has not let go of it.
    (void)Start(flow, worker);
    worker.start_at = now + kRestartGap;
  }
}

Status InFlows::Start(const std::string& flow, Worker& worker) {
  auto port = system_.OpenPort("org.bulkhead.in." + flow);
  if (!port) return Propagate(port);
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    return FailErrno("socketpair");
  }
  UniqueFd theirs(ends[1]);
  worker.reports.reset(ends[0]);
  worker.reader = FrameReader(control::kControlMaxPayload);
  ProcessSpec spec;
  spec.argv = {program_, "receive", flow, worker.from, user_.home, ids_folder_ + "/" + flow};
  spec.run_as.uid = user_.uid;
  spec.run_as.gid = user_.gid;
  spec.may_fork = false;
  spec.fds = {{port->get(), kPortFd}, {theirs.get(), kReportFd}};
  auto child = Spawn(spec);
  if (!child) return Propagate(child);
  worker.child = std::move(*child);
  return {};
}

void InFlows::Stop(Worker& worker) {
  if (worker.child.pid <= 0) return;
  ::kill(worker.child.pid, SIGKILL);
  ::waitpid(worker.child.pid, nullptr, 0);
  worker.child = Child{};
  worker.reports.reset();
}

void InFlows::AddWishes(PollSet& set) const {
  for (const auto& [flow, worker] : workers_) set.Want(worker.reports.get(), POLLIN);
}

bool InFlows::waiting() const {
  return std::ranges::any_of(workers_, [](const auto& w) { return w.second.child.pid <= 0; });
}

void InFlows::Handle(const PollSet& set, TimePoint now, std::vector<control::GuestMessage>& out) {
  for (auto& [flow, worker] : workers_) {
    if (!worker.reports || set.Got(worker.reports.get()) == 0) continue;
    if (ReadReports(flow, worker, out)) continue;
    Stop(worker);
    worker.start_at = now + kRestartGap;
  }
}

/// The worker handles bytes of other levels, and is in the reach of the level's user: it is
/// believed only as far as its own flow reaches.
bool InFlows::ReadReports(const std::string& flow, Worker& worker,
                          std::vector<control::GuestMessage>& out) {
  std::array<std::uint8_t, 4096> buffer;
  ssize_t n = ::recv(worker.reports.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return true;
  if (n <= 0) return false;
  ByteView in = ByteView(buffer).first(static_cast<std::size_t>(n));
  while (!in.empty()) {
    auto taken = worker.reader.Feed(in);
    if (!taken) return false;
    in = in.subspan(*taken);
    auto frame = worker.reader.Next();
    if (!frame) continue;
    if (frame->type != control::Delivered::kType) return false;
    auto message = control::DecodeGuest(*frame);
    if (!message) return false;
    auto& delivered = std::get<control::Delivered>(*message);
    if (delivered.flow != flow) return false;
    out.push_back(std::move(*message));
  }
  return true;
}

}  // namespace bulkhead::agent
