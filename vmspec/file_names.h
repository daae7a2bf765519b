// SPDX-License-Identifier: GPL-2.0-or-later
/// Which files a spec set has.
#pragma once

#include <string>
#include <string_view>

namespace bulkhead::vmspec {

inline constexpr char kFilesRule[] =
    "its files are levels/NAME.toml, flows.toml, networks.toml, devices.toml and host.toml";

inline bool IsTopFile(std::string_view path) {
  return path == "flows.toml" || path == "networks.toml" || path == "devices.toml" ||
         path == "host.toml";
}

/// "levels/X.toml" with any X that has no slash, also one that is no name.
inline bool IsLevelFile(std::string_view path) {
  return path.starts_with("levels/") && path.ends_with(".toml") && path.size() >= 12 &&
         path.find('/', 7) == std::string_view::npos;
}

/// X of such a path.
inline std::string LevelOfFile(std::string_view path) {
  return std::string(path.substr(7, path.size() - 12));
}

}  // namespace bulkhead::vmspec
