// SPDX-License-Identifier: GPL-2.0-or-later
/// The toml-test corpus: what we take for TOML is TOML, and the other way round.
#include "tests/unit/vmspec/toml_corpus.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/unit/vmspec/spec_sets.h"
#include "vmspec/base/file.h"
#include "vmspec/document.h"

namespace bulkhead::vmspec {
namespace {

bool IsToml(const std::string& path) {
  auto text = ReadFile(path, kMaxFileBytes);
  EXPECT_TRUE(text) << path;
  Faults faults;
  return text && ParseDocument(path, *text, faults).has_value();
}

std::set<std::string> Misjudged(const std::string& kind, bool valid, std::size_t at_least) {
  std::string folder = CorpusFolder("toml-test");
  std::vector<std::string> files = ListedInCorpus(folder, kind);
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
