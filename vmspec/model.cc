// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/model.h"

#include <algorithm>

namespace bulkhead::vmspec {

bool Label::Dominates(const Label& other) const {
  return rank >= other.rank && std::includes(compartments.begin(), compartments.end(),
                                             other.compartments.begin(), other.compartments.end());
}

std::string Label::ToString() const {
  std::string out = std::to_string(rank);
  for (const std::string& compartment : compartments) {
    out += (&compartment == &*compartments.begin() ? " {" : ",") + compartment;
  }
  return compartments.empty() ? out : out + "}";
}

std::string_view NameOf(DeviceClass device_class) {
  return kDeviceClassNames[static_cast<std::size_t>(device_class)];
}

}  // namespace bulkhead::vmspec
