// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <chrono>
#include <thread>

#include "vmspec/base/error.h"

namespace bulkhead::hostd {

/// How long a daemon that has died may take to be started anew.
inline constexpr std::chrono::milliseconds kRestartPatience{5000};
inline constexpr std::chrono::milliseconds kRestartPoll{100};

/// `call` again and again while its peer is away (kUnavailable), or died over the request
/// (kOutcomeUnknown): only for calls that may be repeated. For worker threads.
template <typename Call>
auto Patiently(Call call) {
  auto end = std::chrono::steady_clock::now() + kRestartPatience;
  for (;;) {
    auto outcome = call();
    bool away = !outcome && (outcome.error().code == ErrorCode::kUnavailable ||
                             outcome.error().code == ErrorCode::kOutcomeUnknown);
    if (!away || std::chrono::steady_clock::now() >= end) return outcome;
    std::this_thread::sleep_for(kRestartPoll);
  }
}

}  // namespace bulkhead::hostd
