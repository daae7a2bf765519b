// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/base/confine.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <vector>

#include "vmspec/base/unique_fd.h"

namespace bulkhead {

namespace {

constexpr std::array kCommon = {
    SyscallRule{"brk"},           SyscallRule{"mmap"},
    SyscallRule{"munmap"},        SyscallRule{"mremap"},
    SyscallRule{"madvise"},       SyscallRule{"exit"},
    SyscallRule{"exit_group"},    SyscallRule{"futex"},
    SyscallRule{"clock_gettime"}, SyscallRule{"clock_nanosleep"},
    SyscallRule{"nanosleep"},     SyscallRule{"gettimeofday"},
    SyscallRule{"rt_sigreturn"},  SyscallRule{"rt_sigprocmask"},
    SyscallRule{"rt_sigaction"},  SyscallRule{"restart_syscall"},
    SyscallRule{"close"},         SyscallRule{"getpid"},
    SyscallRule{"gettid"},        SyscallRule{"tgkill"},
    SyscallRule{"getrandom"},     SyscallRule{"poll"},
    SyscallRule{"ppoll"},         SyscallRule{"fstat"},
    SyscallRule{"newfstatat"},    SyscallRule{"fcntl"},
    SyscallRule{"rseq"},
};

#if defined(__SANITIZE_ADDRESS__)
constexpr std::array kSanitizer = {
    SyscallRule{"sigaltstack"}, SyscallRule{"mprotect"},
    SyscallRule{"readlink"},    SyscallRule{"openat"},
    SyscallRule{"read"},        SyscallRule{"write"},
    SyscallRule{"sched_yield"}, SyscallRule{"getdents64"},
    SyscallRule{"prctl"},       SyscallRule{"clone"},
    SyscallRule{"wait4"},       SyscallRule{"ptrace"},
    SyscallRule{"getppid"},     SyscallRule{"process_vm_readv"},
    SyscallRule{"lseek"},       SyscallRule{"pipe"},
    SyscallRule{"pipe2"},       SyscallRule{"stat"},
};
#else
constexpr std::array<SyscallRule, 0> kSanitizer = {};
#endif

Status AddRules(scmp_filter_ctx ctx, std::span<const SyscallRule> rules) {
  for (const SyscallRule& rule : rules) {
    int nr = seccomp_syscall_resolve_name(rule.name);
    if (nr == __NR_SCMP_ERROR) {
      return Fail(ErrorCode::kInternal, std::string("unknown system call ") + rule.name);
    }
    std::vector<scmp_arg_cmp> arguments;
    for (const auto& arg : {rule.arg, rule.also}) {
      if (arg) arguments.push_back(SCMP_CMP(arg->index, SCMP_CMP_EQ, arg->value));
    }
    int rc = seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, nr,
                                    static_cast<unsigned>(arguments.size()), arguments.data());
    // -EEXIST: a plain entry and the same with an argument, or two tables name the same call.
    if (rc != 0 && rc != -EEXIST) return FailErrno(std::string("seccomp ") + rule.name, -rc);
  }
  return {};
}

std::uint64_t HandledAccess(int abi) {
  std::uint64_t all = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;
  if (abi >= 2) all |= 1ULL << 13;  // REFER
  if (abi >= 3) all |= 1ULL << 14;  // TRUNCATE
  return all;
}

}  // namespace

std::span<const SyscallRule> CommonSyscalls() { return kCommon; }

Status ApplySeccomp(std::span<const SyscallRule> common, std::span<const SyscallRule> own) {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return FailErrno("no_new_privs");
  scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
  if (ctx == nullptr) return Fail(ErrorCode::kUnavailable, "libseccomp gave no filter");
  Status status = AddRules(ctx, common);
  if (status) status = AddRules(ctx, own);
  if (status) status = AddRules(ctx, kSanitizer);
  if (status) {
    int rc = seccomp_load(ctx);
    if (rc != 0)
      status = Fail(ErrorCode::kUnavailable, "the kernel did not take the seccomp filter");
  }
  seccomp_release(ctx);
  return status;
}

Status ApplyLandlock(std::span<const PathRule> paths) {
  int abi = static_cast<int>(
      ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION));
  if (abi < 1) return Fail(ErrorCode::kUnavailable, "this kernel has no Landlock");
  landlock_ruleset_attr attr{};
  attr.handled_access_fs = HandledAccess(abi);
  UniqueFd ruleset(static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0)));
  if (!ruleset) return FailErrno("landlock_create_ruleset");
  for (const PathRule& rule : paths) {
    UniqueFd fd(::open(rule.path.c_str(), O_PATH | O_CLOEXEC));
    if (!fd) continue;
    landlock_path_beneath_attr beneath{};
    beneath.parent_fd = fd.get();
    beneath.allowed_access = rule.access == PathRule::Access::kReadWrite
                                 ? attr.handled_access_fs
                                 : (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR);
    if (::syscall(SYS_landlock_add_rule, ruleset.get(), LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) !=
        0) {
      // A rule on a plain file may carry file rights only.
      beneath.allowed_access &= LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE;
      if (::syscall(SYS_landlock_add_rule, ruleset.get(), LANDLOCK_RULE_PATH_BENEATH, &beneath,
                    0) != 0) {
        return FailErrno("landlock rule for " + rule.path);
      }
    }
  }
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return FailErrno("no_new_privs");
  if (::syscall(SYS_landlock_restrict_self, ruleset.get(), 0) != 0) {
    return FailErrno("landlock_restrict_self");
  }
  return {};
}

}  // namespace bulkhead
