// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <sys/types.h>

#include <string>

#include "vmspec/base/unique_fd.h"

namespace bulkhead::broker {

/// A real loop device over a file, given back when the object goes. The group disk may open its
/// node meanwhile, as udev would have it.
class LoopDevice {
 public:
  /// The next free one, or `number`. valid() is false where there is none here.
  explicit LoopDevice(const std::string& file, int number = -1);
  ~LoopDevice();
  LoopDevice(const LoopDevice&) = delete;
  LoopDevice& operator=(const LoopDevice&) = delete;

  [[nodiscard]] bool valid() const { return number_ >= 0; }
  [[nodiscard]] int number() const { return number_; }
  [[nodiscard]] std::string id() const { return "loop" + std::to_string(number_); }
  [[nodiscard]] std::string path() const { return "/dev/" + id(); }
  /// The kernel does it when the last who has it open closes.
  void Detach();

 private:
  bool Attach(int number, int file);
  int number_ = -1;
  bool attached_ = false;
  uid_t uid_ = 0;
  gid_t gid_ = 0;
  mode_t mode_ = 0;
};

}  // namespace bulkhead::broker
