// SPDX-License-Identifier: GPL-2.0-or-later
/// What a program takes away from itself before it reads its first foreign byte. The table of each
/// program lies beside its main() and says why each entry is there.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "vmspec/base/error.h"

namespace bulkhead {

/// One allowed system call; with `arg`, only when argument number `arg->index` equals `arg->value`,
/// with `also`, only when that one fits too.
struct SyscallRule {
  const char* name;
  struct Arg {
    unsigned index;
    std::uint64_t value;
  };
  std::optional<Arg> arg = std::nullopt;
  std::optional<Arg> also = std::nullopt;
};

/// One path that stays reachable under Landlock; everything else is refused.
struct PathRule {
  std::string path;
  enum class Access { kRead, kReadWrite } access;
};

/// What nearly every program of ours needs: memory, exit, clock, futex, signals' return, close.
std::span<const SyscallRule> CommonSyscalls();

/// Sets NO_NEW_PRIVS and loads an allow-list; any other call kills the process (SIGSYS), so that a
/// breach is seen. In sanitizer builds the sanitizers' own calls are added.
/// @return kUnavailable when the kernel has no seccomp; nothing is loaded then.
Status ApplySeccomp(std::span<const SyscallRule> common, std::span<const SyscallRule> own);

/// Restricts the file system to `paths` (Landlock). Paths that do not exist are skipped.
/// @return kUnavailable when the kernel has no Landlock: the caller decides, and says so.
Status ApplyLandlock(std::span<const PathRule> paths);

}  // namespace bulkhead
