// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

namespace bulkhead::agent {

/// Makes `port` non-blocking, and lets this process have SIGIO whenever the host's side of it comes
/// or goes, or sends. Block that signal first. A port that is a socket (tests) raises none: sockets
/// mean other things by it.
void WatchPort(int port);

/// The host's side of the port is closed.
bool HostIsAway(int port);

}  // namespace bulkhead::agent
