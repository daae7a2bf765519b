// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/file_names.h"

#include <algorithm>
#include <vector>

namespace bulkhead::vmspec {

namespace {

/// Takes `end` off; false when it is not there, or nothing before it.
bool TakeEnd(std::string_view& text, std::string_view end) {
  if (text.size() <= end.size() || !text.ends_with(end)) return false;
  text.remove_suffix(end.size());
  return true;
}

/// "X.toml", or "X.d/Y.toml".
std::optional<SpecPath> NameAndDropIn(std::string_view path, SpecPath::Part part) {
  if (!TakeEnd(path, ".toml")) return std::nullopt;
  std::size_t slash = path.find('/');
  if (slash == std::string_view::npos) return SpecPath{part, std::string(path), false};
  std::string_view folder = path.substr(0, slash);
  bool one = slash + 1 < path.size() && path.find('/', slash + 1) == std::string_view::npos;
  if (!one || !TakeEnd(folder, ".d")) return std::nullopt;
  return SpecPath{part, std::string(folder), true};
}

}  // namespace

std::optional<SpecPath> ParseSpecPath(std::string_view path) {
  constexpr std::string_view kLevels = "levels/";
  constexpr std::string_view kTemplates = "templates/";
  if (path.starts_with(kLevels)) {
    return NameAndDropIn(path.substr(kLevels.size()), SpecPath::Part::kLevel);
  }
  if (path.starts_with(kTemplates)) {
    auto found = NameAndDropIn(path.substr(kTemplates.size()), SpecPath::Part::kTemplate);
    return found && !found->drop_in ? found : std::nullopt;
  }
  auto found = NameAndDropIn(path, SpecPath::Part::kTop);
  bool known = found && std::ranges::find(kTopFiles, found->name) != std::end(kTopFiles);
  return known ? found : std::nullopt;
}

std::optional<SpecPath> ParseSpecPathEnd(std::string_view path) {
  constexpr std::size_t kMostParts = 3;  // levels/NAME.d/ANY.toml
  std::vector<std::string_view> ends;
  for (std::size_t slash = path.rfind('/'); slash != path.npos && ends.size() < kMostParts;
       slash = slash == 0 ? path.npos : path.rfind('/', slash - 1)) {
    ends.push_back(path.substr(slash + 1));
  }
  while (!ends.empty()) {
    if (auto found = ParseSpecPath(ends.back())) return found;
    ends.pop_back();
  }
  return std::nullopt;
}

}  // namespace bulkhead::vmspec
