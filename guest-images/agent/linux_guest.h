// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>

#include "guest-images/agent/guest_system.h"

namespace bulkhead::agent {

/// The level as it really is. Needs root.
class LinuxGuest : public GuestSystem {
 public:
  /// @param root  in front of every path that is only read; for tests. Empty in production.
  explicit LinuxGuest(std::string root = {}) : root_(std::move(root)) {}

  Result<UniqueFd> OpenPort(std::string_view name) override;
  control::Hello Identity() override;
  control::Health Measure() override;
  Status SetClock(std::int64_t time_us) override;
  Status SetHostName(const std::string& name) override;
  Status SetNetwork(const control::Welcome& welcome) override;
  bool IsUp() override;
  Status PowerOff() override;

  /// The first interface with this MAC. kNotFound: none yet.
  Result<std::string> InterfaceOf(std::string_view mac);

 private:
  std::string root_;
};

}  // namespace bulkhead::agent
