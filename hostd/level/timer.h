// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <glib.h>

#include <cstdint>
#include <functional>
#include <utility>

namespace bulkhead::hostd {

/// One deadline on the main loop; another Set or the destructor takes it back.
class Timer {
 public:
  Timer() = default;
  ~Timer() { Clear(); }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  void Set(std::uint32_t ms, std::function<void()> call) {
    Clear();
    call_ = std::move(call);
    source_ = g_timeout_add(
        ms,
        [](gpointer self) -> gboolean {
          static_cast<Timer*>(self)->Fire();
          return G_SOURCE_REMOVE;
        },
        this);
  }
  void Clear() {
    if (source_ != 0) g_source_remove(std::exchange(source_, 0));
  }
  [[nodiscard]] bool armed() const { return source_ != 0; }

 private:
  void Fire() {
    source_ = 0;
    // The call may set this timer anew.
    auto call = std::move(call_);
    call();
  }
  unsigned source_ = 0;
  std::function<void()> call_;
};

}  // namespace bulkhead::hostd
