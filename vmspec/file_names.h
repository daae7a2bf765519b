// SPDX-License-Identifier: GPL-2.0-or-later
/// Which files a spec set has.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bulkhead::vmspec {

inline constexpr char kFilesRule[] =
    "its files are levels/NAME.toml, templates/NAME.toml, flows.toml, networks.toml, devices.toml "
    "and host.toml, and drop-ins beside them (levels/NAME.d/*.toml, flows.d/*.toml ...)";

inline constexpr std::string_view kTopFiles[] = {"flows", "networks", "devices", "host"};

struct SpecPath {
  enum class Part : std::uint8_t { kLevel, kTemplate, kTop } part = Part::kTop;
  std::string name;      ///< of the level or template, which may be no name; "flows" ...
  bool drop_in = false;  ///< one of NAME.d/*.toml
};

/// What a path relative to the set's folder is; nothing when a set has no such file.
std::optional<SpecPath> ParseSpecPath(std::string_view path);

/// The same for a file whose set is not known: the longest end of an absolute path that is one.
std::optional<SpecPath> ParseSpecPathEnd(std::string_view path);

}  // namespace bulkhead::vmspec
