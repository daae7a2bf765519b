// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>

#include <map>
#include <string>

#include "device-broker/device_source.h"

namespace bulkhead::broker {

/// Devices in memory. A claim is a lock on a memory file: like the kernel's, it lasts as long as a
/// copy of the descriptor is open, whoever has it.
class FakeDeviceSource : public DeviceSource {
 public:
  /// Puts a medium in, or another one in its place.
  void Insert(const Medium& medium) {
    media_[medium.id] = medium;
    files_[medium.id] = UniqueFd(::memfd_create(medium.id.c_str(), MFD_CLOEXEC));
  }
  void Remove(const std::string& id) { media_.erase(id); }

  Result<std::vector<Medium>> Enumerate() override {
    std::vector<Medium> all;
    for (const auto& [id, medium] : media_) all.push_back(medium);
    return all;
  }

  Result<UniqueFd> Claim(const Medium& medium, bool write) override {
    auto now = media_.find(medium.id);
    if (now == media_.end()) return Fail(ErrorCode::kUnavailable, medium.id + " went away");
    if (!now->second.identity.IsSameMedium(medium.identity)) {
      return Fail(ErrorCode::kConflict, medium.id + " is another medium now");
    }
    std::string self = "/proc/self/fd/" + std::to_string(files_[medium.id].get());
    UniqueFd fd(::open(self.c_str(), (write ? O_RDWR : O_RDONLY) | O_CLOEXEC));
    if (!fd) return FailErrno("open " + medium.id);
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
      return Fail(ErrorCode::kBusy, "somebody has " + medium.identity.path + " open");
    }
    return fd;
  }

 private:
  std::map<std::string, Medium> media_;
  std::map<std::string, UniqueFd> files_;
};

}  // namespace bulkhead::broker
