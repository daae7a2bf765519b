// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/libvirt/connection.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <utility>

namespace bulkhead::hostd {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds kFirstWait{100};
constexpr milliseconds kLongestWait{3000};
constexpr int kKeepAliveSeconds = 5;
constexpr unsigned kKeepAliveCount = 3;

ConnectionPtr Own(virConnectPtr connection) {
  return {connection, [](virConnectPtr c) { virConnectClose(c); }};
}

}  // namespace

struct ConnectionKeeper::State : std::enable_shared_from_this<State> {
  explicit State(Hooks given) : hooks(std::move(given)) {}

  Hooks hooks;
  std::mutex mutex;
  std::condition_variable changed;
  ConnectionPtr current;
  ConnectionPtr dead;  // dropped by the keeper's thread, not in libvirt's callback
  std::string reason = "not connected yet";
  bool stop = false;

  Status Open(const std::string& uri);
  Status Watch(virConnectPtr connection);
  static void OnClosed(virConnectPtr connection, int reason, void* opaque) noexcept;
  void Lost(virConnectPtr connection);
  void WaitUntilLost();
  bool WaitStopped(milliseconds time);
};

void ConnectionKeeper::State::OnClosed(virConnectPtr connection, int, void* opaque) noexcept {
  (*static_cast<std::shared_ptr<State>*>(opaque))->Lost(connection);
}

/// Registers for the end of the connection; libvirt holds a reference to the state meanwhile.
Status ConnectionKeeper::State::Watch(virConnectPtr connection) {
  using StatePtr = std::shared_ptr<State>;
  auto* held = new StatePtr(shared_from_this());
  auto free = [](void* opaque) noexcept { delete static_cast<StatePtr*>(opaque); };
  if (virConnectRegisterCloseCallback(connection, OnClosed, held, free) != 0) {
    delete held;
    return FailLibvirt("watch libvirtd");
  }
  if (virConnectSetKeepAlive(connection, kKeepAliveSeconds, kKeepAliveCount) < 0) {
    return FailLibvirt("keep the connection to libvirtd alive");
  }
  return {};
}

Status ConnectionKeeper::State::Open(const std::string& uri) {
  ConnectionPtr connection = Own(virConnectOpen(uri.c_str()));
  if (!connection) return FailLibvirt("connect to libvirtd");
  if (auto s = hooks.opened(connection.get()); !s) return s;
  {
    std::lock_guard lock(mutex);
    current = connection;
  }
  // After `current` is set: a loss from here on finds it. One before shows in IsAlive.
  if (auto s = Watch(connection.get()); !s || virConnectIsAlive(connection.get()) != 1) {
    std::lock_guard lock(mutex);
    current.reset();
    return s ? Fail(ErrorCode::kUnavailable, "libvirtd has ended") : s;
  }
  hooks.ready();
  return {};
}

void ConnectionKeeper::State::Lost(virConnectPtr connection) {
  {
    std::lock_guard lock(mutex);
    if (current.get() != connection || stop) return;
    dead = std::move(current);
    current.reset();
    reason = "libvirtd has ended";
  }
  hooks.lost();
  changed.notify_all();
}

void ConnectionKeeper::State::WaitUntilLost() {
  std::unique_lock lock(mutex);
  changed.wait(lock, [this] { return stop || !current; });
  ConnectionPtr drop = std::move(dead);
  lock.unlock();
}

bool ConnectionKeeper::State::WaitStopped(milliseconds time) {
  std::unique_lock lock(mutex);
  return changed.wait_for(lock, time, [this] { return stop; });
}

void ConnectionKeeper::Run(const std::string& uri, State& state) {
  milliseconds wait{0};
  while (!state.WaitStopped(wait)) {
    if (auto s = state.Open(uri); s) {
      state.WaitUntilLost();
      wait = kFirstWait;
      continue;
    } else {
      std::lock_guard lock(state.mutex);
      state.reason = s.error().message;
    }
    wait = std::clamp(wait * 2, kFirstWait, kLongestWait);
  }
}

ConnectionKeeper::ConnectionKeeper(std::string uri, Hooks hooks)
    : state_(std::make_shared<State>(std::move(hooks))),
      thread_([uri = std::move(uri), state = state_] { Run(uri, *state); }) {}

ConnectionKeeper::~ConnectionKeeper() {
  {
    std::lock_guard lock(state_->mutex);
    state_->stop = true;
  }
  state_->changed.notify_all();
  thread_.join();
  // Breaks the circle state -> connection -> close callback -> state.
  std::unique_lock lock(state_->mutex);
  ConnectionPtr last = std::move(state_->current);
  lock.unlock();
  if (last) virConnectUnregisterCloseCallback(last.get(), State::OnClosed);
}

Result<ConnectionPtr> ConnectionKeeper::Current() const {
  std::lock_guard lock(state_->mutex);
  if (state_->current) return state_->current;
  return Fail(ErrorCode::kUnavailable, "libvirtd cannot be reached: " + state_->reason);
}

}  // namespace bulkhead::hostd
