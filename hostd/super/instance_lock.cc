// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/super/instance_lock.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

namespace bulkhead::super {

namespace {

std::string PidIn(int fd) {
  char text[16] = {};
  ssize_t n = ::pread(fd, text, sizeof text - 1, 0);
  return n > 0 ? std::string(text, static_cast<std::size_t>(n)) : std::string();
}

bool IsHeld(int fd) {
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) return true;
  ::flock(fd, LOCK_UN);
  return false;
}

}  // namespace

Result<UniqueFd> TakeLock(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644));
  if (!fd) return FailErrno("open " + path);
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    return Fail(ErrorCode::kExists, "bulkhead-superd runs already, as process " + PidIn(fd.get()));
  }
  std::string pid = std::to_string(::getpid());
  if (::ftruncate(fd.get(), 0) != 0 ||
      ::pwrite(fd.get(), pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
    return FailErrno("write " + path);
  }
  return fd;
}

Result<std::optional<UniqueFd>> FindRunning(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd && errno == ENOENT) return std::nullopt;
  if (!fd) return FailErrno("open " + path);
  if (!IsHeld(fd.get())) return std::nullopt;
  std::string pid = PidIn(fd.get());
  UniqueFd process(static_cast<int>(
      ::syscall(SYS_pidfd_open, static_cast<pid_t>(std::strtol(pid.c_str(), nullptr, 10)), 0)));
  // The lock is still held by that pid: so the descriptor is of the holder, not of a later process.
  if (!process || !IsHeld(fd.get()) || PidIn(fd.get()) != pid) {
    return Fail(ErrorCode::kBusy, "bulkhead-superd is just starting or stopping; try again");
  }
  return process;
}

Status StopRunning(const std::string& path, std::chrono::milliseconds longest) {
  auto running = FindRunning(path);
  if (!running) return Propagate(running);
  if (!*running) return Fail(ErrorCode::kNotFound, "bulkhead-superd does not run");
  if (::syscall(SYS_pidfd_send_signal, (*running)->get(), SIGTERM, nullptr, 0) != 0) {
    return FailErrno("stop bulkhead-superd");
  }
  pollfd p{(*running)->get(), POLLIN, 0};
  auto until = std::chrono::steady_clock::now() + longest;
  for (;;) {
    auto left =
        std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    int n = ::poll(&p, 1, static_cast<int>(std::max<long>(0, left.count())));
    if (n > 0) return {};
    if (n < 0 && errno == EINTR) continue;
    return Fail(ErrorCode::kTimeout,
                "bulkhead-superd still stops its services; look with bulkhead-superd --status");
  }
}

}  // namespace bulkhead::super
