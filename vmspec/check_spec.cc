// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <map>

#include "vmspec/base/identity.h"
#include "vmspec/codes.h"
#include "vmspec/draft.h"
#include "vmspec/file_names.h"
#include "vmspec/scalars.h"
#include "vmspec/spec.h"

namespace bulkhead::vmspec {

namespace {

/// The documents that are TOML.
using Documents = std::map<std::string, Node>;

Origin StartOf(const std::string& file) { return Origin{file, 1, 1, 1}; }

bool WithinBounds(const SpecFiles& files, Faults& faults) {
  std::size_t bytes = 0;
  for (const auto& [path, text] : files) bytes += text.size();
  if (files.size() <= kMaxFiles && bytes <= kMaxSetBytes) return true;
  faults.Error(codes::kTooLarge, "the spec set has more than 4,096 files or 16 MiB", Origin{});
  return false;
}

/// A file that a spec set has; the name of a level is taken down here, so that a level whose file
/// is at fault is not unknown as well.
bool Accept(const std::string& path, Draft& draft, Faults& faults) {
  if (IsLevelFile(path)) {
    std::string name = LevelOfFile(path);
    if (IsName(name)) {
      draft.level_names.insert(name);
      return true;
    }
    faults.Error(codes::kFileName, Quoted(name) + " cannot be the name of a level", StartOf(path),
                 {}, kNameRule);
    return false;
  }
  if (IsTopFile(path)) return true;
  faults.Error(codes::kUnknownFile, "a spec set has no file " + Quoted(path), StartOf(path), {},
               kFilesRule);
  return false;
}

Documents ParseAll(const SpecFiles& files, Draft& draft, Faults& faults) {
  Documents documents;
  for (const auto& [path, text] : files) {
    if (!Accept(path, draft, faults)) continue;
    if (auto root = ParseDocument(path, text, faults)) documents.emplace(path, std::move(*root));
  }
  return documents;
}

void ReadAll(const Documents& documents, Draft& draft, Faults& faults) {
  auto read = [&](const char* path, auto reader) {
    auto found = documents.find(path);
    if (found != documents.end()) reader(found->second, draft, faults);
  };
  read("networks.toml", ReadNetworks);
  for (const auto& [path, document] : documents) {
    if (IsLevelFile(path)) ReadLevel(LevelOfFile(path), document, draft, faults);
  }
  read("flows.toml", ReadFlows);
  read("devices.toml", ReadDevices);
  read("host.toml", ReadHost);
}

void CheckLevelCount(const Draft& draft, Faults& faults) {
  if (draft.level_names.empty()) {
    faults.Warning(codes::kNoLevels, "the spec set has no level", Origin{}, {},
                   "a level is a file levels/NAME.toml");
  } else if (draft.level_names.size() > kMaxLevelIndex) {
    faults.Error(codes::kTooMany, "a spec set has at most 4,095 levels", Origin{});
  }
}

}  // namespace

bool CheckedSpec::ok() const {
  return std::all_of(diagnostics.begin(), diagnostics.end(),
                     [](const Diagnostic& d) { return d.warning; });
}

CheckedSpec CheckSpec(const SpecFiles& files) {
  Faults faults;
  Draft draft;
  draft.spec.host.pool4 = *ParsePrefix("10.77.0.0/16");
  draft.spec.host.pool6 = *ParsePrefix("fd77::/64");
  if (!WithinBounds(files, faults)) return {{}, faults.Take()};
  Documents documents = ParseAll(files, draft, faults);
  bool networks_unreadable =
      files.contains("networks.toml") && !documents.contains("networks.toml");
  if (networks_unreadable) draft.uplink_names.reset();
  draft.levels_without_label = draft.level_names;
  ReadAll(documents, draft, faults);
  CheckLevelCount(draft, faults);
  CheckFlows(draft, faults);
  CheckUplinks(draft, faults);
  CheckStorage(draft, faults);
  CheckPools(draft, faults);
  return {std::move(draft.spec), faults.Take()};
}

}  // namespace bulkhead::vmspec
