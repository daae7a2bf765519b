// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/super/event_loop.h"

#include <sys/epoll.h>

#include <array>

namespace bulkhead::super {

Result<EventLoop> EventLoop::Create() {
  UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return FailErrno("epoll_create1");
  return EventLoop(std::move(epoll));
}

Status EventLoop::Watch(int fd, std::uint32_t events, Handler handler) {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  int how = handlers_.contains(fd) ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
  if (::epoll_ctl(epoll_.get(), how, fd, &event) != 0) return FailErrno("epoll_ctl");
  handlers_[fd] = std::make_shared<Handler>(std::move(handler));
  return {};
}

void EventLoop::Forget(int fd) {
  if (handlers_.erase(fd) != 0) ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

void EventLoop::RunOnce(std::chrono::milliseconds longest) {
  std::array<epoll_event, 64> events;
  int n =
      ::epoll_wait(epoll_.get(), events.data(), events.size(), static_cast<int>(longest.count()));
  for (int i = 0; i < n; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    auto it = handlers_.find(event.data.fd);
    if (it == handlers_.end()) continue;
    // A copy: the handler may Forget() itself.
    auto handler = it->second;
    (*handler)(event.events);
  }
}

}  // namespace bulkhead::super
