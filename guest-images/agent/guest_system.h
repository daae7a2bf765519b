// SPDX-License-Identifier: GPL-2.0-or-later
/// The agent's view of the system it runs in. Production: LinuxGuest; tests bring their own.
#pragma once

#include <string>
#include <string_view>

#include "vmspec/base/control_messages.h"
#include "vmspec/base/unique_fd.h"

namespace bulkhead::agent {

class GuestSystem {
 public:
  virtual ~GuestSystem() = default;

  /// Opens the virtio port of this name, non-blocking. kNotFound: no such port (yet). kBusy:
  /// somebody has it open.
  virtual Result<UniqueFd> OpenPort(std::string_view name) = 0;
  virtual control::Hello Identity() = 0;
  virtual control::Health Measure() = 0;
  /// Sets the clock when it is off by more than half a second.
  virtual Status SetClock(std::int64_t time_us) = 0;
  virtual Status SetHostName(const std::string& name) = 0;
  /// Gives the interface with welcome.mac its addresses and routes. kNotFound: the interface is not
  /// there yet. kInvalid: a value is none. Nothing to do (no MAC) is success.
  virtual Status SetNetwork(const control::Welcome& welcome) = 0;
  /// Every unit of the default target has started.
  virtual bool IsUp() = 0;
  /// Begins an orderly shutdown; comes back at once.
  virtual Status PowerOff() = 0;
};

}  // namespace bulkhead::agent
