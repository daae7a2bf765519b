// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>

#include "vmspec/codes.h"
#include "vmspec/draft.h"

namespace bulkhead::vmspec {

namespace {

/// A clipboard that leads to its own level says nothing.
void ReadClipboard(TableReader& table, std::string_view key, const std::string& level,
                   std::vector<std::string>& levels) {
  table.Read(key, levels);
  if (std::find(levels.begin(), levels.end(), level) == levels.end()) return;
  table.faults().Error(codes::kFlowToItself, Quoted(key) + " names its own level",
                       table.OriginOf(key));
}

void ReadDisplay(TableReader table, const std::string& level, Display& display) {
  table.Read("3d", display.three_d);
  table.Read("screens", display.screens);
  table.Read("border", display.border);
  ReadClipboard(table, "clipboard-out", level, display.clipboard_out);
  ReadClipboard(table, "clipboard-in", level, display.clipboard_in);
  display.clipboard_out_origin = table.OriginOf("clipboard-out");
  display.clipboard_in_origin = table.OriginOf("clipboard-in");
  table.Finish();
}

KeyUse ReadKeyUse(TableReader table) {
  KeyUse use;
  use.origin = table.origin();
  table.Read("key", use.key);
  table.Read("operations", use.operations);
  table.Read("mechanisms", use.mechanisms);
  table.Read("confirm", use.confirm);
  table.Read("per-minute", use.per_minute);
  table.Finish();
  return use;
}

void ReadKeys(TableReader& level_table, Level& level) {
  NameSet seen;
  for (const Node* node : level_table.Tables("key")) {
    KeyUse use = ReadKeyUse(level_table.Below("key", *node));
    if (!use.key.empty() && !seen.insert(use.key).second) {
      level_table.faults().Error(codes::kDuplicate, "the key " + Quoted(use.key) + " is said twice",
                                 use.origin, {}, "say all its operations in one [[key]]");
    }
    level.keys.push_back(std::move(use));
  }
}

void ReadApplications(TableReader table, Applications& applications) {
  for (const Node* node : table.Tables("remote")) {
    TableReader remote = table.Below("remote", *node);
    FlatpakRemote& entry = applications.remotes.emplace_back();
    entry.origin = node->origin;
    remote.Read("name", entry.name);
    remote.Read("url", entry.url);
    remote.Finish();
  }
  table.Read("install", applications.install);
  for (const Node* node : table.Tables("override")) {
    TableReader change = table.Below("override", *node);
    FlatpakOverride& entry = applications.overrides.emplace_back();
    entry.origin = node->origin;
    change.Read("application", entry.application);
    change.Read("arguments", entry.arguments);
    for (const std::string& argument : entry.arguments) {
      if (argument.starts_with("--")) continue;
      table.faults().Error(codes::kBadText, Quoted(argument) + " is no option of flatpak override",
                           change.OriginOf("arguments"), {},
                           "each begins with \"--\": \"--nofilesystem=home\"");
    }
    change.Finish();
  }
  table.Finish();
}

void ReadRoles(TableReader table, LevelRoles& roles) {
  table.Read("start", roles.start);
  table.Read("stop", roles.stop);
  table.Read("edit", roles.edit);
  table.Finish();
}

}  // namespace

void ReadLevelPeople(TableReader& table, Level& level) {
  if (const Node* node = table.Find("display")) {
    ReadDisplay(table.Below("display", *node), level.name, level.display);
  }
  ReadKeys(table, level);
  if (const Node* node = table.Find("applications")) {
    ReadApplications(table.Below("applications", *node), level.applications);
  }
  if (const Node* node = table.Find("roles")) ReadRoles(table.Below("roles", *node), level.roles);
}

}  // namespace bulkhead::vmspec
