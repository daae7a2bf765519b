// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/work.h"

#include <glib.h>

namespace bulkhead::hostd {

Work::Work(unsigned threads) {
  for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this] { Loop(); });
}

Work::~Work() {
  {
    std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_all();
  for (auto& thread : threads_) thread.join();
}

void Work::Post(std::function<void()> job) {
  {
    std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
  }
  wake_.notify_one();
}

bool Work::Idle() const {
  std::lock_guard lock(mutex_);
  return jobs_.empty() && running_ == 0;
}

void Work::Loop() {
  for (;;) {
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [this] { return ending_ || !jobs_.empty(); });
    if (ending_) return;
    auto job = std::move(jobs_.front());
    jobs_.pop_front();
    ++running_;
    lock.unlock();
    job();
    // What it held ends here, before it counts as ended.
    job = nullptr;
    lock.lock();
    --running_;
  }
}

void Work::Deliver(Pending* pending) {
  g_idle_add_full(
      G_PRIORITY_DEFAULT,
      [](gpointer p) -> gboolean {
        static_cast<Pending*>(p)->Run();
        return G_SOURCE_REMOVE;
      },
      pending, [](gpointer p) { delete static_cast<Pending*>(p); });
}

}  // namespace bulkhead::hostd
