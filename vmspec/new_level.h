// SPDX-License-Identifier: GPL-2.0-or-later
/// The first text of a level's file: `bulkhead spec new`. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "vmspec/model.h"

namespace bulkhead::vmspec {

/// What a person decides of a new level; everything else keeps its default.
struct NewLevel {
  std::string name;   ///< IsName()
  std::string title;  ///< printable, no backslash
  std::uint32_t rank = 0;
  std::vector<std::string> compartments;  ///< names
  std::string colour;                     ///< IsColour()
  std::string image;                      ///< IsName()
  std::uint32_t memory_mib = 512;
  std::string uplink;  ///< IsName(), or "": no network
};

/// What is proposed for a level of that name beside those of `spec`: its title from the name, the
/// image that most levels have, a colour that none has.
NewLevel SuggestLevel(const std::string& name, const SpecSet& spec);

/// levels/NAME.toml: what was decided, and commented out what is most often added. In the layout of
/// FormatToml().
std::string LevelFileText(const NewLevel& level);

/// host.toml of a set that has none: all defaults, with a word on each.
std::string HostFileText();

}  // namespace bulkhead::vmspec
