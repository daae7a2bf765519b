// SPDX-License-Identifier: GPL-2.0-or-later
#include "guest-images/agent/run_table.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>

#include "vmspec/base/sanitize.h"

namespace bulkhead::agent {

namespace {

constexpr std::size_t kOutputPerTurn = 32768;
/// More than a pipe holds.
constexpr int kLastReads = 34;
constexpr char kPath[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

std::vector<std::string> EnvironmentOf(const std::string& name, const std::string& home) {
  return {std::string("PATH=") + kPath,
          "HOME=" + home,
          "USER=" + name,
          "LOGNAME=" + name,
          "SHELL=/bin/bash",
          "LANG=C.UTF-8",
          "TERM=dumb"};
}

int ExitStatus(int status) {
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

bool IsAtEnd(const UniqueFd& fd) { return !fd.valid(); }

}  // namespace

Result<ProcessSpec> RunTable::Describe(const control::Run& run) const {
  if (run.argv.empty() || run.argv[0].empty()) {
    return Fail(ErrorCode::kInvalid, "no program is named");
  }
  for (const std::string& argument : run.argv) {
    if (argument.find('\0') != std::string::npos) {
      return Fail(ErrorCode::kInvalid, "an argument holds a zero byte");
    }
  }
  bool root = run.user == "root";
  if (!root && run.user != "user") return Fail(ErrorCode::kInvalid, "there is no such user here");
  ProcessSpec spec;
  const std::string home = root ? "/root" : user_.home;
  spec.argv = {program_, "launch", home};
  spec.argv.insert(spec.argv.end(), run.argv.begin(), run.argv.end());
  spec.env = EnvironmentOf(run.user, home);
  spec.run_as = RunAs::Unchanged();
  if (!root) {
    spec.run_as = RunAs{};
    spec.run_as.uid = user_.uid;
    spec.run_as.gid = user_.gid;
  }
  return spec;
}

Status RunTable::StartChild(const control::Run& run) {
  if (running_.size() >= kMaxRuns) {
    return Fail(ErrorCode::kLimit, std::to_string(kMaxRuns) + " programs run here already");
  }
  auto spec = Describe(run);
  if (!spec) return Propagate(spec);
  Running running;
  UniqueFd ends[2];
  for (int i = 0; i < 2; ++i) {
    int fds[2];
    if (::pipe2(fds, O_CLOEXEC) != 0) return FailErrno("pipe");
    running.output[i].reset(fds[0]);
    ends[i].reset(fds[1]);
    ::fcntl(fds[0], F_SETFL, O_NONBLOCK);
  }
  spec->fds = {{ends[0].get(), 1}, {ends[1].get(), 2}};
  auto child = Spawn(*spec);
  if (!child) return Propagate(child);
  running.child = std::move(*child);
  running_.emplace(run.run, std::move(running));
  return {};
}

void RunTable::Start(const control::Run& run, std::vector<control::GuestMessage>& out) {
  if (running_.contains(run.run)) return;
  Status started = StartChild(run);
  if (started) return;
  std::string line = "cannot run: " + started.error().message + "\n";
  out.emplace_back(control::RunOutput{run.run, 2, Bytes(line.begin(), line.end())});
  out.emplace_back(control::RunExit{run.run, 127});
}

void RunTable::Cancel(std::uint32_t run) {
  auto it = running_.find(run);
  if (it == running_.end() || it->second.exited) return;
  // The session may not be made yet: then the process alone is all there is.
  ::kill(-it->second.child.pid, SIGKILL);
  ::kill(it->second.child.pid, SIGKILL);
}

void RunTable::CancelAll() {
  for (auto& [id, running] : running_) {
    Cancel(id);
    if (!running.exited) ::waitpid(running.child.pid, nullptr, 0);
  }
  running_.clear();
}

void RunTable::AddWishes(PollSet& set, bool read_output) const {
  for (const auto& [id, running] : running_) {
    if (!running.exited) set.Want(running.child.pidfd.get(), POLLIN);
    if (!read_output) continue;
    for (const UniqueFd& fd : running.output) set.Want(fd.get(), POLLIN);
  }
}

void RunTable::Reap(Running& running) {
  int status = 0;
  if (::waitpid(running.child.pid, &status, WNOHANG) != running.child.pid) return;
  running.exited = true;
  running.status = ExitStatus(status);
}

bool RunTable::ReadOutput(std::uint32_t id, Running& running, int which,
                          std::vector<control::GuestMessage>& out) {
  UniqueFd& fd = running.output[which];
  if (IsAtEnd(fd)) return false;
  Bytes data(kOutputPerTurn);
  ssize_t n = ::read(fd.get(), data.data(), data.size());
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
    return false;
  }
  if (n <= 0) {
    fd.reset();
    return false;
  }
  data.resize(static_cast<std::size_t>(n));
  out.emplace_back(control::RunOutput{id, static_cast<std::uint8_t>(which + 1), std::move(data)});
  return true;
}

/// What it wrote before its end lies in the pipe now. Whoever else still holds that pipe is not
/// waited for, and not listened to for ever.
void RunTable::ReadLastOutput(std::uint32_t id, Running& running, int which,
                              std::vector<control::GuestMessage>& out) {
  for (int i = 0; i < kLastReads; ++i) {
    if (!ReadOutput(id, running, which, out)) break;
  }
  running.output[which].reset();
}

void RunTable::Handle(const PollSet& set, bool read_output,
                      std::vector<control::GuestMessage>& out) {
  for (auto it = running_.begin(); it != running_.end();) {
    auto& [id, running] = *it;
    if (!running.exited && set.Got(running.child.pidfd.get()) != 0) Reap(running);
    for (int which = 0; read_output && which < 2; ++which) {
      if (running.exited) {
        ReadLastOutput(id, running, which, out);
      } else if (set.Got(running.output[which].get()) != 0) {
        ReadOutput(id, running, which, out);
      }
    }
    if (running.exited && IsAtEnd(running.output[0]) && IsAtEnd(running.output[1])) {
      out.emplace_back(control::RunExit{id, running.status});
      it = running_.erase(it);
    } else {
      ++it;
    }
  }
}

namespace {

void SayCannotRun(const char* program, int fault) {
  std::string line = Printable(program) + ": " + std::strerror(fault) + "\n";
  (void)!::write(2, line.data(), line.size());
}

/// execv() along kPath; errno is the most telling fault.
void RunAlongPath(char** argv) {
  std::string_view rest = kPath;
  int fault = ENOENT;
  while (!rest.empty()) {
    std::string_view folder = rest.substr(0, rest.find(':'));
    rest.remove_prefix(std::min(folder.size() + 1, rest.size()));
    std::string path = std::string(folder) + "/" + argv[0];
    ::execv(path.c_str(), argv);
    if (errno != ENOENT && errno != ENOTDIR) fault = errno;
  }
  errno = fault;
}

}  // namespace

int Launch(int argc, char** argv) {
  if (argc < 4) return 127;
  ::setsid();
  // The umask of the level's users; Spawn() gives its own to programs without privileges.
  ::umask(022);
  if (::chdir(argv[2]) != 0) (void)!::chdir("/");
  char** program = argv + 3;
  if (std::strchr(program[0], '/') != nullptr) {
    ::execv(program[0], program);
  } else {
    RunAlongPath(program);
  }
  int fault = errno;
  SayCannotRun(program[0], fault);
  return fault == ENOENT || fault == ENOTDIR ? 127 : 126;
}

}  // namespace bulkhead::agent
