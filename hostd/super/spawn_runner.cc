// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/super/spawn_runner.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <csignal>

#include "vmspec/base/socket.h"

namespace bulkhead::super {

SpawnRunner::~SpawnRunner() {
  while (!outputs_.empty()) CloseOutput(outputs_.begin()->first);
}

Result<pid_t> SpawnRunner::Start(const std::string& unit, const ProcessSpec& process) {
  int fds[2];
  if (::pipe2(fds, O_CLOEXEC) != 0) return FailErrno("pipe");
  UniqueFd reading(fds[0]);
  UniqueFd writing(fds[1]);
  // Only our end: a program whose output nobody takes in time waits, it does not lose lines.
  if (::fcntl(reading.get(), F_SETFL, O_NONBLOCK) != 0) return FailErrno("fcntl");
  ProcessSpec with_log = process;
  with_log.inherit_output = false;
  with_log.fds.emplace_back(writing.get(), 1);
  with_log.fds.emplace_back(writing.get(), 2);
  auto child = Spawn(with_log);
  if (!child) return Propagate(child);

  CloseOutput(unit);
  int fd = reading.get();
  outputs_[unit] = std::move(reading);
  (void)loop_->Watch(fd, EPOLLIN, [this, unit](std::uint32_t) { TakeOutput(unit); });
  log_->Note(unit, "started as process " + std::to_string(child->pid));
  return child->pid;
}

void SpawnRunner::Signal(pid_t pid, int signal) { ::kill(pid, signal); }

bool SpawnRunner::Accepts(const std::string& socket) { return ConnectUnixNow(socket).has_value(); }

void SpawnRunner::TakeOutput(const std::string& unit) {
  auto it = outputs_.find(unit);
  if (it == outputs_.end()) return;
  std::array<char, 16384> buffer;
  ssize_t n = ::read(it->second.get(), buffer.data(), buffer.size());
  if (n > 0) {
    log_->Append(unit, {buffer.data(), static_cast<std::size_t>(n)});
  } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
    CloseOutput(unit);
  }
}

void SpawnRunner::CloseOutput(const std::string& unit) {
  auto it = outputs_.find(unit);
  if (it == outputs_.end()) return;
  loop_->Forget(it->second.get());
  outputs_.erase(it);
}

}  // namespace bulkhead::super
