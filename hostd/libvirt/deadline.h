// SPDX-License-Identifier: GPL-2.0-or-later
/// An end to waiting for calls that have none of their own.
#pragma once

#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

namespace bulkhead::hostd {

/// What `work` returns, or none if it takes longer than `deadline`. libvirt's calls cannot be
/// broken off: a late one goes on in its thread and its result is dropped, so `work` owns all it
/// uses.
template <typename T>
std::optional<T> RunWithDeadline(std::chrono::milliseconds deadline, std::function<T()> work) {
  auto task = std::make_shared<std::packaged_task<T()>>(std::move(work));
  std::future<T> result = task->get_future();
  std::thread([task] { (*task)(); }).detach();
  if (result.wait_for(deadline) != std::future_status::ready) return std::nullopt;
  return result.get();
}

}  // namespace bulkhead::hostd
