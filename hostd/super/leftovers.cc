// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/super/leftovers.h"

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <sstream>

#include "vmspec/base/file.h"
#include "vmspec/base/unique_fd.h"

namespace bulkhead::super {

namespace {

using Clock = std::chrono::steady_clock;

/// Field 22 of /proc/PID/stat, counted behind the name, which may hold anything; empty when gone.
std::string StartTime(pid_t pid) {
  auto stat = ReadFile("/proc/" + std::to_string(pid) + "/stat", 4096);
  if (!stat) return {};
  auto name_end = stat->rfind(')');
  if (name_end == std::string::npos) return {};
  std::istringstream fields(stat->substr(name_end + 1));
  std::string field;
  for (int i = 3; i <= 22; ++i) fields >> field;
  return field;
}

/// pidfds of the recorded processes that are still the same.
std::vector<UniqueFd> Alive(const std::string& record) {
  std::vector<UniqueFd> alive;
  std::istringstream lines(record);
  pid_t pid = 0;
  for (std::string start; lines >> pid >> start;) {
    UniqueFd fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    if (fd && StartTime(pid) == start) alive.push_back(std::move(fd));
  }
  return alive;
}

void SignalAll(const std::vector<UniqueFd>& processes, int signal) {
  for (const auto& p : processes) {
    ::syscall(SYS_pidfd_send_signal, p.get(), signal, nullptr, 0);
  }
}

/// Drops from `processes` those that end within `longest`.
void WaitForEnd(std::vector<UniqueFd>& processes, std::chrono::milliseconds longest) {
  auto until = Clock::now() + longest;
  while (!processes.empty() && Clock::now() < until) {
    std::erase_if(processes, [](const UniqueFd& p) {
      pollfd event{p.get(), POLLIN, 0};
      return ::poll(&event, 1, 0) > 0;
    });
    if (!processes.empty()) ::poll(nullptr, 0, 10);
  }
}

}  // namespace

Status RecordChildren(const std::string& path, const std::vector<pid_t>& children) {
  std::string record;
  for (pid_t pid : children) {
    std::string start = StartTime(pid);
    if (!start.empty()) record += std::to_string(pid) + " " + start + "\n";
  }
  return WriteFileAtomically(path, record, 0600);
}

Result<int> EndLeftovers(const std::string& path, std::chrono::milliseconds patience) {
  auto record = ReadFile(path, 1 << 20);
  if (!record && record.error().code == ErrorCode::kNotFound) return 0;
  if (!record) return Propagate(record);
  auto alive = Alive(*record);
  int count = static_cast<int>(alive.size());
  SignalAll(alive, SIGTERM);
  WaitForEnd(alive, patience);
  SignalAll(alive, SIGKILL);
  WaitForEnd(alive, patience);
  if (!alive.empty()) {
    return Fail(ErrorCode::kBusy, std::to_string(alive.size()) +
                                      " processes of an earlier bulkhead-superd do not end");
  }
  return count;
}

}  // namespace bulkhead::super
