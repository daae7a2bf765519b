// SPDX-License-Identifier: GPL-2.0-or-later
/// Blocking calls off the main loop, and the way back to it.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace bulkhead::hostd {

/// A fixed number of worker threads. Jobs start in the order in which they were posted.
class Work {
 public:
  explicit Work(unsigned threads);
  /// Waits for the jobs that have begun; those that have not are dropped.
  ~Work();
  Work(const Work&) = delete;
  Work& operator=(const Work&) = delete;

  /// Runs `job` on a worker thread. Any thread may call.
  void Post(std::function<void()> job);

  /// Nothing runs and nothing waits: what was handed to the main loop is with it. Any thread.
  [[nodiscard]] bool Idle() const;

  /// Runs `blocking` on a worker thread and hands its result to `then` on the main loop.
  template <typename Blocking, typename Then>
  void Do(Blocking blocking, Then then) {
    Post([blocking = std::move(blocking), then = std::move(then)]() mutable {
      ToMain([result = blocking(), then = std::move(then)]() mutable { then(std::move(result)); });
    });
  }

  /// Runs `call` on the main loop (GLib's default context), in the order of calls. Any thread may
  /// call.
  template <typename Call>
  static void ToMain(Call call) {
    Deliver(new Once<Call>(std::move(call)));
  }

 private:
  /// A move-only call, which std::function of C++23 in g++ 12 cannot hold.
  struct Pending {
    virtual ~Pending() = default;
    virtual void Run() = 0;
  };
  template <typename Call>
  struct Once : Pending {
    explicit Once(Call c) : call(std::move(c)) {}
    void Run() override { call(); }
    Call call;
  };
  static void Deliver(Pending* pending);
  void Loop();

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> jobs_;
  unsigned running_ = 0;
  bool ending_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace bulkhead::hostd
