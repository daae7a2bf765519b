// SPDX-License-Identifier: GPL-2.0-or-later
/// A child process as a value. It cannot be described without saying who it runs as.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "vmspec/base/error.h"
#include "vmspec/base/unique_fd.h"

namespace bulkhead {

/// Who a child runs as. `Unchanged()` is the visible token for "as its parent": any other also gets
/// no-new-privs, an umask of 077 and no core dumps.
struct RunAs {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;      ///< supplementary groups, replacing the parent's
  std::vector<int> capabilities;  ///< CAP_*: ambient, permitted, and the whole bounding set
  bool network = true;            ///< false: an empty network namespace of its own
  bool unchanged = false;

  static RunAs Unchanged() {
    RunAs r;
    r.unchanged = true;
    return r;
  }
};

struct ProcessSpec {
  std::vector<std::string> argv;  ///< argv[0] is an absolute path; no shell, no search path
  std::vector<std::string> env;   ///< the whole environment, "NAME=value"
  RunAs run_as;
  std::uint64_t max_address_space_bytes = 0;  ///< RLIMIT_AS; 0: no limit
  std::uint32_t max_open_files = 1024;        ///< RLIMIT_NOFILE; less where the parent's is less
  bool may_fork = true;                       ///< false: RLIMIT_NPROC = 0
  bool die_with_parent = true;                ///< SIGTERM when the parent's thread ends
  /// {descriptor here, number in the child}; all others are closed. 0..2 default to /dev/null, and
  /// the parent's 1 and 2 when `inherit_output`.
  std::vector<std::pair<int, int>> fds;
  bool inherit_output = true;
  /// {file here, path in the child}: in a mount namespace of its own the child sees our file there.
  std::vector<std::pair<std::string, std::string>> file_views;
};

struct Child {
  pid_t pid = -1;
  UniqueFd pidfd;
};

/// Starts it. When exec or any step before it fails, the error says which step, and no child stays.
Result<Child> Spawn(const ProcessSpec& spec);

}  // namespace bulkhead
