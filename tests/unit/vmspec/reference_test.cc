// SPDX-License-Identifier: GPL-2.0-or-later
/// docs/spec-reference.md and the code say the same.
#if defined(__GNUC__) && !defined(__clang__)
// g++ 12 with sanitizers sees this in std::regex where it is not (GCC bug 105562).
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include "vmspec/reference.h"

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

/// With BULKHEAD_UPDATE_REFERENCE set the page is mended instead.
TEST(Reference, HasEachTableAsTheSchemaSays) {
  std::string page = Content("docs/spec-reference.md");
  std::string mended = page;
  for (const TableSchema* file : FileSchemas()) {
    std::string begin = "<!-- made from vmspec/schema_*.cc: " + std::string(file->name) + " -->\n";
    std::size_t from = mended.find(begin);
    ASSERT_NE(from, std::string::npos) << file->name;
    from += begin.size();
    mended.replace(from, mended.find("<!-- end -->", from) - from, ReferenceOf(*file));
  }
  if (std::getenv("BULKHEAD_UPDATE_REFERENCE") != nullptr) {
    ASSERT_TRUE(WriteFileAtomically(SourceRoot() + "/docs/spec-reference.md", mended, 0644));
  } else {
    EXPECT_EQ(page, mended) << "BULKHEAD_UPDATE_REFERENCE=1 vmspec_test mends it";
  }
}

}  // namespace
}  // namespace bulkhead::vmspec
