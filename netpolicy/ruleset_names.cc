// SPDX-License-Identifier: GPL-2.0-or-later
#include <array>

#include "netpolicy/level_name.h"
#include "netpolicy/ruleset.h"

namespace bulkhead::netpolicy {

namespace {
// In the order of ChainRole.
constexpr std::array<std::string_view, 5> kSuffixes = {"/out", "/in", "/host-in", "/host-out",
                                                       "/tap"};
}  // namespace

std::string ChainName(std::string_view level, ChainRole role) {
  return std::string(level) + std::string(kSuffixes[static_cast<std::size_t>(role)]);
}

std::vector<std::pair<Family, std::string>> ChainNamesOf(std::string_view level) {
  std::vector<std::pair<Family, std::string>> out;
  for (std::string_view suffix : kSuffixes) {
    Family family = suffix == "/tap" ? Family::kNetdev : Family::kInet;
    out.emplace_back(family, std::string(level) + std::string(suffix));
  }
  return out;
}

std::vector<MapDeclaration> AllMaps() {
  return {{names::kForwardFrom, true},
          {names::kForwardTo, true},
          {names::kInputFrom, true},
          {names::kOutputTo, true},
          {names::kNatFrom, false}};
}

std::string_view LevelOfChain(std::string_view chain) {
  std::size_t slash = chain.find('/');
  if (slash == std::string_view::npos || !IsLevelName(chain.substr(0, slash))) return {};
  for (std::string_view suffix : kSuffixes) {
    if (chain.substr(slash) == suffix) return chain.substr(0, slash);
  }
  return {};
}

}  // namespace bulkhead::netpolicy
