// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/model.h"

#include <fnmatch.h>

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

bool DeviceRule::SpeaksOf(DeviceClass c) const {
  return device_class == "*" || device_class == NameOf(c);
}

bool GlobMatches(const std::string& glob, const std::string& path, bool unsure) {
  int answer = ::fnmatch(glob.c_str(), path.c_str(), FNM_PATHNAME | FNM_NOESCAPE);
  return answer == 0 || (answer != FNM_NOMATCH && unsure);
}

}  // namespace bulkhead::vmspec
