// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <poll.h>

#include <chrono>
#include <map>
#include <vector>

namespace bulkhead::agent {

/// What one turn of an event loop waits for: the parts of the program say their wishes, and look up
/// afterwards what came.
class PollSet {
 public:
  /// `fd` -1 is no wish.
  void Want(int fd, short events) {
    if (fd >= 0) wishes_.push_back({fd, events, 0});
  }
  /// At most so long; may come back early and empty.
  void Wait(std::chrono::milliseconds longest) {
    if (::poll(wishes_.data(), wishes_.size(), static_cast<int>(longest.count())) <= 0) return;
    for (const pollfd& p : wishes_) got_[p.fd] |= p.revents;
  }
  [[nodiscard]] short Got(int fd) const {
    auto it = got_.find(fd);
    return it == got_.end() ? short{0} : it->second;
  }

 private:
  std::vector<pollfd> wishes_;
  std::map<int, short> got_;
};

}  // namespace bulkhead::agent
