// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/accel/probe_run.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>

#include "hostd/accel/probe_guest.h"
#include "vmspec/base/file.h"
#include "vmspec/base/process_spec.h"
#include "vmspec/base/sanitize.h"

namespace bulkhead::hostd {

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kRomFd = 3;
constexpr std::size_t kMostOutput = 64;
constexpr std::size_t kMostErrors = 8192;
constexpr std::size_t kMostLine = 200;

/// The ROM as a file without a name.
Result<UniqueFd> RomFile(const Bytes& rom) {
  UniqueFd fd(::memfd_create("bulkhead-probe", MFD_CLOEXEC));
  if (!fd) return FailErrno("memfd_create");
  if (auto s = WriteFully(fd.get(), rom.data(), rom.size()); !s) return Propagate(s);
  return fd;
}

struct Pipe {
  UniqueFd read;
  UniqueFd write;
};
Result<Pipe> MakePipe() {
  int fds[2];
  if (::pipe2(fds, O_CLOEXEC) != 0) return FailErrno("pipe");
  return Pipe{UniqueFd(fds[0]), UniqueFd(fds[1])};
}

/// The machine that levels have, with nothing in it.
ProcessSpec Qemu(const std::string& qemu, const std::string& accel, const std::string& cpu) {
  ProcessSpec spec;
  spec.argv = {qemu,
               "-accel",
               accel,
               "-machine",
               "microvm,x-option-roms=off,isa-serial=off,pit=off,pic=off,rtc=off,acpi=off",
               "-cpu",
               cpu,
               "-smp",
               "1",
               "-m",
               std::to_string(kProbeMemoryMiB),
               "-bios",
               "/proc/self/fd/" + std::to_string(kRomFd),
               "-nodefaults",
               "-no-user-config",
               "-display",
               "none",
               "-monitor",
               "none",
               "-serial",
               "none",
               "-debugcon",
               "stdio",
               "-device",
               "isa-debug-exit",
               "-no-reboot",
               "-sandbox",
               "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"};
  spec.env = {"PATH=/usr/bin:/bin", "LANG=C.UTF-8"};
  // hostd has no power that a child could lose, and its child must see what hostd sees.
  spec.run_as = RunAs::Unchanged();
  spec.inherit_output = false;
  return spec;
}

/// Takes what is there. False at the end of the stream.
bool Take(int fd, std::string& into) {
  std::array<char, 4096> buffer;
  ssize_t n = ::read(fd, buffer.data(), buffer.size());
  if (n < 0) return errno == EINTR || errno == EAGAIN;
  into.append(buffer.data(), static_cast<std::size_t>(n));
  if (into.size() > kMostErrors) into.erase(0, into.size() - kMostErrors);
  return n > 0;
}

/// Collects both streams until they end or time is up; false then.
bool Collect(int out, int err, Clock::time_point end, std::string& output, std::string& errors) {
  pollfd fds[2] = {{out, POLLIN, 0}, {err, POLLIN, 0}};
  while (fds[0].fd >= 0 || fds[1].fd >= 0) {
    auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now()).count();
    if (left <= 0) return false;
    if (::poll(fds, 2, static_cast<int>(left)) < 0 && errno != EINTR) return false;
    if (fds[0].revents != 0 && !Take(out, output)) fds[0].fd = -1;
    if (fds[1].revents != 0 && !Take(err, errors)) fds[1].fd = -1;
  }
  return true;
}

/// Waits for the end of the process, and kills it when time is up. Its wait status.
int Reap(const Child& child, Clock::time_point end, bool& timed_out) {
  auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now()).count();
  pollfd fd{child.pidfd.get(), POLLIN, 0};
  if (timed_out || ::poll(&fd, 1, static_cast<int>(std::max<std::int64_t>(left, 0))) <= 0) {
    timed_out = true;
    ::kill(child.pid, SIGKILL);
  }
  int status = 0;
  while (::waitpid(child.pid, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

std::string LastLine(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  return Printable(std::string_view(text).substr(text.rfind('\n') + 1), kMostLine);
}

}  // namespace

Result<ProbeRun> RunProbeGuest(const std::string& qemu, const std::string& accel,
                               const std::string& cpu, const Bytes& rom,
                               std::chrono::milliseconds deadline) {
  auto end = Clock::now() + deadline;
  auto rom_fd = RomFile(rom);
  if (!rom_fd) return Propagate(rom_fd);
  auto out = MakePipe();
  if (!out) return Propagate(out);
  auto err = MakePipe();
  if (!err) return Propagate(err);
  ProcessSpec spec = Qemu(qemu, accel, cpu);
  spec.fds = {{out->write.get(), 1}, {err->write.get(), 2}, {rom_fd->get(), kRomFd}};
  auto child = Spawn(spec);
  if (!child) return Propagate(child);
  out->write.reset();
  err->write.reset();

  ProbeRun run;
  std::string output;
  std::string errors;
  run.timed_out = !Collect(out->read.get(), err->read.get(), end, output, errors);
  int status = Reap(*child, end, run.timed_out);
  if (!run.timed_out && WIFEXITED(status)) run.exit_status = WEXITSTATUS(status);
  output.resize(std::min(output.size(), kMostOutput));
  run.output.assign(output.begin(), output.end());
  run.last_line = LastLine(errors);
  return run;
}

}  // namespace bulkhead::hostd
