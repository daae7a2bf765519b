// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <sys/types.h>

#include <string>

namespace bulkhead::cli {

/// A dbus-daemon of our own in a folder of its own; both gone with the object.
class PrivateBus {
 public:
  PrivateBus();
  ~PrivateBus();
  PrivateBus(const PrivateBus&) = delete;
  PrivateBus& operator=(const PrivateBus&) = delete;

  /// "unix:path=..."; empty when no dbus-daemon could be started.
  [[nodiscard]] const std::string& address() const { return address_; }

 private:
  std::string folder_;
  std::string address_;
  pid_t pid_ = -1;
};

}  // namespace bulkhead::cli
