// SPDX-License-Identifier: GPL-2.0-or-later
#include "diode/send_order.h"

#include <algorithm>

namespace bulkhead::diode {

std::optional<std::uint64_t> SendOrder::Next() const {
  auto found = std::ranges::find_if(items_, [](const Item& item) { return !item.end; });
  return found == items_.end() ? std::nullopt : std::optional(found->seq);
}

void SendOrder::Sent(std::uint64_t seq, std::uint64_t end) {
  auto found = std::ranges::find(items_, seq, &Item::seq);
  if (found != items_.end()) found->end = end;
}

void SendOrder::Drained(std::uint64_t bytes, TimePoint now) {
  for (Item& item : items_) {
    if (item.end && *item.end <= bytes && !item.drained) item.drained = now;
  }
}

void SendOrder::StartOver() {
  for (Item& item : items_) item.end.reset(), item.drained.reset();
}

std::optional<std::uint64_t> SendOrder::TakeOldestExpired(TimePoint now,
                                                          std::chrono::seconds retention) {
  // They go in order, so they are drained in order.
  if (items_.empty() || !items_.front().drained) return std::nullopt;
  if (now - *items_.front().drained < retention) return std::nullopt;
  std::uint64_t seq = items_.front().seq;
  items_.pop_front();
  return seq;
}

std::vector<std::uint64_t> SendOrder::TakeExpired(TimePoint now, std::chrono::seconds retention) {
  std::vector<std::uint64_t> expired;
  while (auto seq = TakeOldestExpired(now, retention)) expired.push_back(*seq);
  return expired;
}

void SendOrder::Forget(std::uint64_t seq) {
  std::erase_if(items_, [seq](const Item& item) { return item.seq == seq; });
}

bool SendOrder::waits_for_drain() const {
  return std::ranges::any_of(items_, [](const Item& item) { return item.end && !item.drained; });
}

}  // namespace bulkhead::diode
