// SPDX-License-Identifier: GPL-2.0-or-later
/// A connection to libvirtd that comes back by itself.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "hostd/libvirt/libvirt_error.h"

namespace bulkhead::hostd {

/// Keeps one connection open from a thread of its own: at once, then after 0.1 s, doubling to 3 s.
/// A libvirtd that hangs is taken for dead after 15 s without an answer to keep-alive.
class ConnectionKeeper {
 public:
  struct Hooks {
    /// On the keeper's thread, before the connection is handed out; an error closes it again.
    std::function<Status(virConnectPtr)> opened;
    /// On the keeper's thread, after it can be had by Current().
    std::function<void()> ready;
    /// On the main loop's thread.
    std::function<void()> lost;
  };

  ConnectionKeeper(std::string uri, Hooks hooks);
  ConnectionKeeper(const ConnectionKeeper&) = delete;
  ConnectionKeeper& operator=(const ConnectionKeeper&) = delete;
  /// Waits for an attempt to connect that is under way.
  ~ConnectionKeeper();

  /// kUnavailable, with the reason of the last attempt, when there is none. Any thread.
  Result<ConnectionPtr> Current() const;

 private:
  struct State;
  static void Run(const std::string& uri, State& state);

  std::shared_ptr<State> state_;  // shared with libvirt's close callback
  std::thread thread_;
};

}  // namespace bulkhead::hostd
