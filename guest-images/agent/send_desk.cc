// SPDX-License-Identifier: GPL-2.0-or-later
#include "guest-images/agent/send_desk.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <algorithm>
#include <csignal>

#include "guest-images/agent/fixed_fds.h"
#include "guest-images/agent/in_flows.h"
#include "vmspec/base/sanitize.h"
#include "vmspec/base/transfer_name.h"

namespace bulkhead::agent {

namespace {

using std::chrono::milliseconds;
constexpr std::chrono::seconds kPatience{5};
/// A user who asks over and over must not use up what the host allows the whole level.
constexpr int kRefusalsPerSecond = 10;
constexpr uid_t kNobody = 65534;

/// A regular file, open for reading.
Status CheckFile(int fd) {
  int flags = ::fcntl(fd, F_GETFL);
  struct stat st{};
  if (flags < 0 || (flags & O_PATH) != 0 || (flags & O_ACCMODE) == O_WRONLY ||
      ::fstat(fd, &st) != 0) {
    return Fail(ErrorCode::kInvalid, "the file is not open for reading");
  }
  if (!S_ISREG(st.st_mode)) return Fail(ErrorCode::kInvalid, "only regular files can be sent");
  return {};
}

}  // namespace

Result<SendDesk> SendDesk::Create(GuestSystem& system, std::string program,
                                  const std::string& socket_path) {
  auto listener = ListenUnix(socket_path, 0666);
  if (!listener) return Propagate(listener);
  return SendDesk(system, std::move(program), std::move(*listener));
}

SendDesk::~SendDesk() {
  for (auto& [flow, line] : lines_) {
    if (line.child.pid <= 0) continue;
    ::kill(line.child.pid, SIGKILL);
    ::waitpid(line.child.pid, nullptr, 0);
  }
}

void SendDesk::Set(std::string level, const std::vector<control::FlowEnd>& outgoing) {
  level_ = Printable(level, 64);
  flow_to_.clear();
  for (const auto& end : outgoing) {
    if (IsPlainName(end.flow) && IsPlainName(end.peer)) flow_to_[end.peer] = end.flow;
  }
}

void SendDesk::AddWishes(PollSet& set) const {
  if (clients_.size() < kMaxClients) set.Want(listener_.get(), POLLIN);
  for (const Client& client : clients_) set.Want(client.socket.fd(), POLLIN);
  for (const auto& [flow, line] : lines_) set.Want(line.child.pidfd.get(), POLLIN);
}

bool SendDesk::waiting() const {
  return !clients_.empty() || std::ranges::any_of(lines_, [](const auto& l) {
    return l.second.child.pid <= 0 && !l.second.queue.empty();
  });
}

void SendDesk::Handle(const PollSet& set, TimePoint now, std::vector<control::GuestMessage>& out) {
  std::vector<Client> heard;
  for (auto it = clients_.begin(); it != clients_.end();) {
    bool spoke = set.Got(it->socket.fd()) != 0;
    if (spoke) heard.push_back(std::move(*it));
    it = spoke || now > it->until ? clients_.erase(it) : std::next(it);
  }
  for (Client& client : heard) Hear(std::move(client), now, out);
  if (set.Got(listener_.get()) != 0) Accept(now);
  for (auto& [flow, line] : lines_) {
    if (line.child.pid > 0 && set.Got(line.child.pidfd.get()) != 0) Reap(line);
    Tend(flow, line);
  }
}

void SendDesk::Accept(TimePoint now) {
  auto fd = AcceptUnix(listener_.get());
  if (!fd || !*fd) return;
  clients_.push_back({FrameSocket(std::move(*fd), kSendMaxPayload), now + kPatience});
}

/// A request comes whole, in one write, or it is none: nobody is waited for.
void SendDesk::Hear(Client client, TimePoint now, std::vector<control::GuestMessage>& out) {
  auto received = client.socket.Receive(milliseconds(0));
  if (!received) return;
  auto message = DecodeSend(received->frame);
  auto* request = message ? std::get_if<SendRequest>(&*message) : nullptr;
  if (request == nullptr) return;
  UniqueFd connection(::fcntl(client.socket.fd(), F_DUPFD_CLOEXEC, 0));
  std::string flow;
  if (auto s = Admit(*request, received->fds, flow); !s) {
    bool refused = s.error().code == ErrorCode::kRefused;
    if (refused) NoteRefusal(*request, now, out);
    return Tell(connection, refused ? kRefused : kFailed, s.error().message);
  }
  lines_[flow].queue.push_back(
      Job{std::move(connection), std::move(received->fds[0]), request->name});
}

Status SendDesk::Admit(const SendRequest& request, std::vector<UniqueFd>& fds, std::string& flow) {
  auto it = flow_to_.find(request.to);
  if (it == flow_to_.end()) {
    return Fail(ErrorCode::kRefused,
                "no flow leads from " + level_ + " to " + Printable(request.to, 64));
  }
  if (auto s = CheckTransferName(request.name); !s) {
    return Fail(ErrorCode::kRefused, "the name is refused: " + s.error().message);
  }
  if (fds.size() != 1) return Fail(ErrorCode::kInvalid, "the request came without a file");
  if (auto s = CheckFile(fds[0].get()); !s) return s;
  if (lines_[it->second].queue.size() >= kMaxQueue) {
    return Fail(ErrorCode::kBusy, "too many files wait for this flow; try again later");
  }
  flow = it->second;
  return {};
}

void SendDesk::Tell(const UniqueFd& client, std::uint8_t code, const std::string& sentence) const {
  (void)WriteAll(client.get(), Encode(SendMessage(SendResult{code, sentence})), milliseconds(0));
}

void SendDesk::NoteRefusal(const SendRequest& request, TimePoint now,
                           std::vector<control::GuestMessage>& out) {
  if (now - refusal_second_ > std::chrono::seconds(1)) {
    refusal_second_ = now;
    refusals_ = 0;
  }
  if (++refusals_ > kRefusalsPerSecond) return;
  out.emplace_back(control::SendRefused{request.to, request.name});
}

void SendDesk::Reap(Line& line) {
  int status = 0;
  if (::waitpid(line.child.pid, &status, WNOHANG) != line.child.pid) return;
  line.torn = !WIFEXITED(status) || WEXITSTATUS(status) != 0;
  line.child = Child{};
}

void SendDesk::Tend(const std::string& flow, Line& line) {
  if (line.child.pid > 0 || line.queue.empty()) return;
  Status started = StartWorker(flow, line);
  // The worker before this one may not have let go of the port yet.
  if (!started && started.error().code == ErrorCode::kBusy) return;
  if (!started) Tell(line.queue.front().client, kFailed, started.error().message);
  line.queue.pop_front();
}

Status SendDesk::StartWorker(const std::string& flow, Line& line) {
  auto port = system_->OpenPort("org.bulkhead.out." + flow);
  if (!port) return Propagate(port);
  const Job& job = line.queue.front();
  ProcessSpec spec;
  spec.argv = {program_, "send", job.name, line.torn ? "torn" : "clean"};
  spec.run_as.uid = kNobody;
  spec.run_as.gid = kNobody;
  spec.may_fork = false;
  spec.fds = {{port->get(), kPortFd}, {job.file.get(), kFileFd}, {job.client.get(), kClientFd}};
  auto child = Spawn(spec);
  if (!child) return Propagate(child);
  line.child = std::move(*child);
  return {};
}

}  // namespace bulkhead::agent
