// SPDX-License-Identifier: GPL-2.0-or-later
/// docs/spec-reference.md and the code say the same.
#if defined(__GNUC__) && !defined(__clang__)
// g++ 12 with sanitizers sees this in std::regex where it is not (GCC bug 105562).
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <gtest/gtest.h>

#include <filesystem>
#include <regex>
#include <set>

#include "tests/unit/vmspec/spec_sets.h"
#include "vmspec/base/file.h"

namespace bulkhead::vmspec {
namespace {

std::set<std::string> AllMatches(const std::string& text, const std::string& pattern) {
  std::set<std::string> out;
  std::regex regex(pattern);
  for (std::sregex_iterator it(text.begin(), text.end(), regex), end; it != end; ++it) {
    out.insert((*it)[1]);
  }
  return out;
}

std::string Content(const std::string& path) {
  auto text = ReadFile(SourceRoot() + "/" + path, 1 << 20);
  EXPECT_TRUE(text) << path;
  return text.value_or("");
}

std::string ReaderSources() {
  std::string out;
  for (const auto& entry : std::filesystem::directory_iterator(SourceRoot() + "/vmspec")) {
    if (entry.path().extension() == ".cc")
      out += Content("vmspec/" + entry.path().filename().string());
  }
  return out;
}

TEST(Reference, ExplainsEachCodeAndNoOther) {
  auto explained = AllMatches(Content("docs/spec-reference.md"), R"(\n\| (B\d{4}) \|)");
  EXPECT_GT(explained.size(), 30U);
  EXPECT_EQ(explained, AllMatches(Content("vmspec/codes.h"), R"x("(B\d{4})")x"));
}

TEST(Reference, EachCodeIsUsed) {
  std::string sources = ReaderSources();
  for (const std::string& name : AllMatches(Content("vmspec/codes.h"), R"((k[A-Z]\w+)\[\])")) {
    EXPECT_NE(sources.find("codes::" + name), std::string::npos) << name;
  }
}

TEST(Reference, ListsEachKeyAndNoOther) {
  auto listed = AllMatches(Content("docs/spec-reference.md"), R"(\n\| `([a-z0-9-]+)` \|)");
  auto tables = AllMatches(Content("docs/spec-reference.md"), R"(`\[+([a-z]+)(?:\.NAME)?\]+`)");
  listed.insert(tables.begin(), tables.end());
  listed.insert({"rank", "compartments"});  // of a label, in the text
  EXPECT_EQ(listed, AllMatches(ReaderSources(), R"x((?:Optional|Required)\("([a-z0-9-]+)"\))x"));
}

}  // namespace
}  // namespace bulkhead::vmspec
