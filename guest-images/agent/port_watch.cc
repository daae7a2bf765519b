// SPDX-License-Identifier: GPL-2.0-or-later
#include "guest-images/agent/port_watch.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

namespace bulkhead::agent {

void WatchPort(int port) {
  struct stat st{};
  bool device = ::fstat(port, &st) == 0 && S_ISCHR(st.st_mode);
  if (device) ::fcntl(port, F_SETOWN, ::getpid());
  ::fcntl(port, F_SETFL, device ? O_NONBLOCK | O_ASYNC : O_NONBLOCK);
}

bool HostIsAway(int port) {
  pollfd p{port, 0, 0};
  return ::poll(&p, 1, 0) == 1 && (p.revents & POLLHUP) != 0;
}

}  // namespace bulkhead::agent
