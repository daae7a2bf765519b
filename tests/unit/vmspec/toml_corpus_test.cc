// SPDX-License-Identifier: GPL-2.0-or-later
/// The toml-test corpus: what we take for TOML is TOML, and the other way round.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "tests/unit/vmspec/spec_sets.h"
#include "vmspec/base/file.h"
#include "vmspec/document.h"

namespace bulkhead::vmspec {
namespace {

/// The .toml files that the corpus lists for TOML 1.0.0 under `kind`, "valid/" or "invalid/".
std::vector<std::string> Listed(const std::string& folder, const std::string& kind) {
  std::ifstream list(folder + "/tests/files-toml-1.0.0");
  std::vector<std::string> out;
  for (std::string line; std::getline(list, line);) {
    if (line.starts_with(kind) && line.ends_with(".toml")) out.push_back(line);
  }
  return out;
}

bool IsToml(const std::string& path) {
  auto text = ReadFile(path, kMaxFileBytes);
  EXPECT_TRUE(text) << path;
  Faults faults;
  return text && ParseDocument("x.toml", *text, faults).has_value();
}

std::set<std::string> Misjudged(const std::string& kind, bool valid, std::size_t at_least) {
  std::string folder = CorpusFolder("toml-test");
  std::vector<std::string> files = Listed(folder, kind);
  EXPECT_GE(files.size(), at_least);
  std::set<std::string> wrong;
  for (const std::string& file : files) {
    if (IsToml(folder + "/tests/" + file) != valid) wrong.insert(file);
  }
  return wrong;
}

TEST(TomlCorpus, ValidDocumentsParse) {
  if (CorpusFolder("toml-test").empty()) GTEST_SKIP() << "no corpora";
  EXPECT_EQ(Misjudged("valid/", true, 150), (std::set<std::string>{}));
}

TEST(TomlCorpus, CannotPassAnInvalidDocument) {
  if (CorpusFolder("toml-test").empty()) GTEST_SKIP() << "no corpora";
  EXPECT_EQ(Misjudged("invalid/", false, 300), (std::set<std::string>{}));
}

}  // namespace
}  // namespace bulkhead::vmspec
