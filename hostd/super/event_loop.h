// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>

#include "vmspec/base/error.h"
#include "vmspec/base/unique_fd.h"

namespace bulkhead::super {

/// epoll with a function a descriptor. A handler may come once too often (its descriptor's number
/// was taken anew in the same turn): handlers read and write without waiting.
class EventLoop {
 public:
  using Handler = std::function<void(std::uint32_t events)>;

  static Result<EventLoop> Create();

  /// `fd` is borrowed: Forget() it before it is closed. Watching it again replaces events, handler.
  Status Watch(int fd, std::uint32_t events, Handler handler);
  void Forget(int fd);
  /// Waits for at most `longest` and calls what is ready.
  void RunOnce(std::chrono::milliseconds longest);

 private:
  explicit EventLoop(UniqueFd epoll) : epoll_(std::move(epoll)) {}

  UniqueFd epoll_;
  std::unordered_map<int, std::shared_ptr<Handler>> handlers_;
};

}  // namespace bulkhead::super
