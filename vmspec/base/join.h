// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bulkhead {

/// "a, b, c"
inline std::string Joined(const std::vector<std::string>& words, std::string_view joint = ", ") {
  std::string all;
  for (const std::string& word : words) {
    if (&word != &words.front()) all += joint;
    all += word;
  }
  return all;
}

}  // namespace bulkhead
