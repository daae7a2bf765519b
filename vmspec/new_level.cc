// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/new_level.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <set>

#include "vmspec/format.h"
#include "vmspec/scalars.h"
#include "vmspec/schema.h"

namespace bulkhead::vmspec {

namespace {

/// Told apart by people who see colours differently, too (after Okabe and Ito).
constexpr const char* kColours[] = {"#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00",
                                    "#56b4e9", "#8a6d3b", "#7d3cba", "#b03a48", "#5f6b75"};
const std::string kSchemaLine = "schema = " + std::to_string(kCurrentSchema) + "\n";

std::string TitleFrom(const std::string& name) {
  std::string title = name;
  title[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(title[0])));
  std::ranges::replace(title, '-', ' ');
  return title;
}

std::string FreeColour(const SpecSet& spec) {
  std::set<std::string> used;
  for (const auto& [name, level] : spec.levels) used.insert(level.colour);
  for (const char* colour : kColours) {
    if (!used.contains(colour)) return colour;
  }
  return kColours[spec.levels.size() % std::size(kColours)];
}

std::string CommonImage(const SpecSet& spec) {
  std::map<std::string, int> counts;
  for (const auto& [name, level] : spec.levels) ++counts[level.image];
  auto most = std::ranges::max_element(counts, {}, [](const auto& count) { return count.second; });
  return most == counts.end() || most->first.empty() ? "minimal" : most->first;
}

std::string TomlString(const std::string& text) {
  std::string out = "\"";
  for (char c : text) out += (c == '"' ? "\\" : "") + std::string(1, c);
  return out + "\"";
}

std::string LabelText(const NewLevel& level) {
  std::string list;
  for (const std::string& name : level.compartments) {
    list += (list.empty() ? "" : ", ") + TomlString(name);
  }
  return "{ rank = " + std::to_string(level.rank) +
         (list.empty() ? " }" : ", compartments = [" + list + "] }");
}

std::string ResourcesText(const NewLevel& level) {
  if (level.memory_mib != 512) {
    return "[resources]\nmemory = " +
           TomlString(FormatSize(std::uint64_t{level.memory_mib} << 20)) + "\n";
  }
  return "# It has 1 virtual CPU and 512 MiB. For more:\n# [resources]\n# vcpus  = 2\n"
         "# memory = \"2 GiB\"\n";
}

std::string NetworkText(const NewLevel& level) {
  constexpr char kRules[] =
      "# allow  = [\n#   { to = \"192.0.2.1\", tcp = [80, 443], comment = \"what it is for\" },\n"
      "# ]\n";
  if (!level.uplink.empty()) {
    return "[network]\nuplink = " + TomlString(level.uplink) +
           "\n# Nothing passes until a rule allows it:\n" + kRules;
  }
  return std::string(
             "# It has no network. For one of networks.toml:\n# [network]\n"
             "# uplink = \"NAME\"\n") +
         kRules;
}

}  // namespace

NewLevel SuggestLevel(const std::string& name, const SpecSet& spec) {
  NewLevel level;
  level.name = name;
  level.title = TitleFrom(name);
  level.colour = FreeColour(spec);
  level.image = CommonImage(spec);
  return level;
}

std::string LevelFileText(const NewLevel& level) {
  std::string text =
      "# Level " + TomlString(level.name) + ". Every key it can have: bulkhead.spec(5).\n" +
      kSchemaLine + "title = " + TomlString(level.title) + "\nlabel = " + LabelText(level) +
      "\ncolour = " + TomlString(level.colour) + "\nimage = " + TomlString(level.image) + "\n\n" +
      ResourcesText(level) + "\n" + NetworkText(level) +
      "\n# No device can be lent to it. For drives that a person lends, read-only:\n"
      "# [devices]\n# storage = \"manual\"\n";
  return FormatToml("levels/" + level.name + ".toml", text).value_or(text);
}

std::string HostFileText() {
  return std::string("# The host. Every key: bulkhead.spec(5).\n") + kSchemaLine +
         "\n# Where KVM does not run guests, levels do not start. To let them run under TCG, which "
         "is\n"
         "# slower, and for which QEMU promises no security:\n"
         "# [acceleration]\n# allow-tcg = true\n";
}

}  // namespace bulkhead::vmspec
