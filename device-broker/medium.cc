// SPDX-License-Identifier: GPL-2.0-or-later
#include "device-broker/medium.h"

namespace bulkhead::broker {

bool IsDeviceId(const std::string& id) {
  constexpr const char* kFirst = "abcdefghijklmnopqrstuvwxyz0123456789";
  constexpr const char* kAny = "abcdefghijklmnopqrstuvwxyz0123456789._-";
  if (id.empty() || id.size() > 64 || id.find_first_of(kFirst) != 0) return false;
  return id.find_first_not_of(kAny) == std::string::npos;
}

}  // namespace bulkhead::broker
