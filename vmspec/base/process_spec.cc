// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/base/process_spec.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <csignal>

namespace bulkhead {

namespace {

struct ChildFault {
  int step;
  int sys_errno;
};
/// What the child is at, in this order; the parent names the step that failed.
enum Step : int {
  kDescriptors,
  kLimits,
  kFileViews,
  kNetwork,
  kBoundingSet,
  kUser,
  kForbidChildren,
  kExec
};
constexpr std::array kStepNames = {
    "prepare descriptors", "limit resources", "show its files",  "leave the network",
    "reduce capabilities", "change user",     "forbid children", "run"};

bool SetCapabilities(const std::vector<int>& capabilities) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  for (int c : capabilities) {
    data[c / 32].permitted |= 1u << (c % 32);
    data[c / 32].effective |= 1u << (c % 32);
    data[c / 32].inheritable |= 1u << (c % 32);
  }
  if (::syscall(SYS_capset, &header, data) != 0) return false;
  return std::ranges::all_of(capabilities, [](int c) {
    return ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, c, 0, 0) == 0;
  });
}

/// The bounding set shrinks while CAP_SETPCAP is still there.
bool ShrinkBoundingSet(const std::vector<int>& keep) {
  for (int c = 0; ::prctl(PR_CAPBSET_READ, c, 0, 0, 0) >= 0; ++c) {
    if (std::ranges::find(keep, c) != keep.end()) continue;
    if (::prctl(PR_CAPBSET_DROP, c, 0, 0, 0) != 0) return false;
  }
  return true;
}

bool BecomeUser(const RunAs& who) {
  if (::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0) return false;
  if (::setgroups(who.groups.size(), who.groups.data()) != 0) return false;
  if (::setresgid(who.gid, who.gid, who.gid) != 0) return false;
  if (::setresuid(who.uid, who.uid, who.uid) != 0) return false;
  return SetCapabilities(who.capabilities);
}

bool SetLimit(decltype(RLIMIT_AS) what, rlim_t value) {
  rlimit limit{value, value};
  return ::setrlimit(what, &limit) == 0;
}

bool LimitResources(const ProcessSpec& spec) {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return false;
  // Raising the hard limit takes a power that root in a container lacks.
  if (!SetLimit(RLIMIT_NOFILE, std::min<rlim_t>(spec.max_open_files, files.rlim_max))) return false;
  // libvirtd, run as its parent, gives each QEMU a core limit of its own choice.
  if (!spec.run_as.unchanged && !SetLimit(RLIMIT_CORE, 0)) return false;
  return spec.max_address_space_bytes == 0 || SetLimit(RLIMIT_AS, spec.max_address_space_bytes);
}

/// A handler of the parent must not run in the child, so handlers go before the mask.
void ResetSignals() {
  for (int s = 1; s < NSIG; ++s) ::signal(s, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

bool ReplaceFiles(const std::vector<std::pair<std::string, std::string>>& views) {
  if (views.empty()) return true;
  if (::unshare(CLONE_NEWNS) != 0) return false;
  // Nothing of this may be seen outside; what is mounted outside later may be seen here.
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0) return false;
  return std::ranges::all_of(views, [](const auto& view) {
    return ::mount(view.first.c_str(), view.second.c_str(), nullptr, MS_BIND, nullptr) == 0;
  });
}

/// Wanted numbers lie below this, copies on their way at or above it.
constexpr int kFirstSpare = 200;

/// Moves the wanted descriptors above everything first, so that no mapping overwrites another.
bool PlaceDescriptors(const ProcessSpec& spec) {
  int null_fd = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null_fd < 0) return false;
  std::vector<std::pair<int, int>> all;
  all.emplace_back(null_fd, 0);
  all.emplace_back(spec.inherit_output ? 1 : null_fd, 1);
  all.emplace_back(spec.inherit_output ? 2 : null_fd, 2);
  for (auto [here, there] : spec.fds) {
    std::erase_if(all, [t = there](const auto& p) { return p.second == t; });
    all.emplace_back(here, there);
  }
  for (auto& [here, there] : all) {
    here = ::fcntl(here, F_DUPFD_CLOEXEC, kFirstSpare);
    if (here < 0) return false;
  }
  // Everything goes at exec (the report pipe must live until then) but what dup2() makes now.
  if (::syscall(SYS_close_range, 3, ~0U, 4 /* CLOSE_RANGE_CLOEXEC */) != 0) return false;
  return std::ranges::all_of(all, [](const auto& p) {
    if (p.second < 0 || p.second >= kFirstSpare) errno = EBADF;
    return p.second >= 0 && p.second < kFirstSpare && ::dup2(p.first, p.second) >= 0;
  });
}

/// Opened as the parent: the child's own user may not be let through the folders above it (a
/// checkout in /root). -1: it cannot be opened, and running it by its path will say why.
int OpenProgram(const char* path) {
  UniqueFd fd(::open(path, O_PATH | O_CLOEXEC));
  return fd ? ::fcntl(fd.get(), F_DUPFD_CLOEXEC, kFirstSpare) : -1;
}

/// By its path where that can be, for then the process has its name in the kernel's tables.
void Exec(int program, char* const* argv, char* const* envp) {
  ::execve(argv[0], argv, envp);
  if (errno != EACCES || program < 0) return;
  ::syscall(SYS_execveat, program, "", argv, envp, AT_EMPTY_PATH);
}

[[noreturn]] void ChildMain(const ProcessSpec& spec, char* const* argv, char* const* envp,
                            int report_fd, pid_t parent) {
  Step step = kDescriptors;
  auto run = [&]() -> bool {
    ResetSignals();
    const int program = OpenProgram(argv[0]);
    if (!PlaceDescriptors(spec)) return false;
    step = kLimits;
    if (!LimitResources(spec)) return false;
    step = kFileViews;
    if (!ReplaceFiles(spec.file_views)) return false;
    step = kNetwork;
    const RunAs& who = spec.run_as;
    if (!who.network && ::unshare(CLONE_NEWNET) != 0) return false;
    if (!who.unchanged) {
      step = kBoundingSet;
      if (!ShrinkBoundingSet(who.capabilities)) return false;
      step = kUser;
      if (!BecomeUser(who)) return false;
      if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return false;
      ::umask(077);
    }
    // After the change of user, because that clears it.
    if (spec.die_with_parent) {
      ::prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
      if (::getppid() != parent) ::_exit(0);
    }
    step = kForbidChildren;
    // After the change of user too: a process count above the limit at that moment fails the exec.
    if (!spec.may_fork && !SetLimit(RLIMIT_NPROC, 0)) return false;
    step = kExec;
    Exec(program, argv, envp);
    return false;
  };
  run();
  ChildFault fault{step, errno};
  (void)!::write(report_fd, &fault, sizeof fault);
  ::_exit(127);
}

}  // namespace

Result<Child> Spawn(const ProcessSpec& spec) {
  if (spec.argv.empty() || !spec.argv[0].starts_with('/')) {
    return Fail(ErrorCode::kInternal, "a process needs an absolute program path");
  }
  std::vector<char*> argv;
  for (const auto& a : spec.argv) argv.push_back(const_cast<char*>(a.c_str()));
  argv.push_back(nullptr);
  std::vector<char*> envp;
  for (const auto& e : spec.env) envp.push_back(const_cast<char*>(e.c_str()));
  envp.push_back(nullptr);

  int pipe_fds[2];
  if (::pipe2(pipe_fds, O_CLOEXEC) != 0) return FailErrno("pipe");
  UniqueFd report_read(pipe_fds[0]);
  // High enough that no wanted descriptor number can hit it.
  UniqueFd report_write(::fcntl(pipe_fds[1], F_DUPFD_CLOEXEC, kFirstSpare));
  ::close(pipe_fds[1]);

  pid_t parent = ::getpid();
  pid_t pid = ::fork();
  if (pid < 0) return FailErrno("fork");
  if (pid == 0) ChildMain(spec, argv.data(), envp.data(), report_write.get(), parent);
  report_write.reset();

  ChildFault fault{};
  ssize_t n;
  do {
    n = ::read(report_read.get(), &fault, sizeof fault);
  } while (n < 0 && errno == EINTR);
  if (n == sizeof fault) {
    while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
    return FailErrno(
        "start " + spec.argv[0] + ": " + kStepNames.at(static_cast<std::size_t>(fault.step)),
        fault.sys_errno);
  }
  Child child;
  child.pid = pid;
  child.pidfd.reset(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  return child;
}

}  // namespace bulkhead
