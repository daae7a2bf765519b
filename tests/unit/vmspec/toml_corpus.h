// SPDX-License-Identifier: GPL-2.0-or-later
/// The toml-test corpus as a list of files.
#pragma once

#include <fstream>
#include <string>
#include <vector>

namespace bulkhead::vmspec {

/// The .toml files that the corpus in `folder` lists for TOML 1.0.0 under `kind`, "valid/" or
/// "invalid/".
inline std::vector<std::string> ListedInCorpus(const std::string& folder, const std::string& kind) {
  std::ifstream list(folder + "/tests/files-toml-1.0.0");
  std::vector<std::string> out;
  for (std::string line; std::getline(list, line);) {
    if (line.starts_with(kind) && line.ends_with(".toml")) out.push_back(line);
  }
  return out;
}

}  // namespace bulkhead::vmspec
