// SPDX-License-Identifier: GPL-2.0-or-later
/// tests/spec-sets: each folder is a spec set, and its file `expected` what a person reads about
/// it.
///   sound                nothing is wrong
///   faults               one thing is wrong each
///   against-the-lattice  one way of information is (I6, X1)
/// BULKHEAD_UPDATE_SETS=1 writes what is said today into `expected`: read the difference.
#include "tests/unit/vmspec/spec_sets.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "vmspec/base/file.h"

namespace bulkhead::vmspec {
namespace {

namespace fs = std::filesystem;

struct Set {
  std::string kind;
  fs::path folder;
};

/// For gtest's listing.
void PrintTo(const Set& set, std::ostream* out) {
  *out << set.kind << "/" << set.folder.filename().string();
}

std::vector<Set> AllSets() {
  std::vector<Set> sets;
  for (const char* kind : {"sound", "faults", "against-the-lattice"}) {
    fs::path root = fs::path(SourceRoot()) / "tests/spec-sets" / kind;
    if (!fs::is_directory(root)) continue;
    for (const auto& entry : fs::directory_iterator(root)) sets.push_back({kind, entry.path()});
  }
  std::ranges::sort(sets, {}, &Set::folder);
  return sets;
}

/// Every .toml file, also one that a set may not have.
SpecFiles FilesOf(const fs::path& folder) {
  SpecFiles files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.path().extension() != ".toml") continue;
    auto text = ReadFile(entry.path().string(), 5 << 20);
    EXPECT_TRUE(text) << entry.path();
    files[entry.path().lexically_relative(folder).string()] = text.value_or("");
  }
  return files;
}

std::size_t Errors(const CheckedSpec& checked) {
  return static_cast<std::size_t>(
      std::ranges::count(checked.diagnostics, false, &Diagnostic::warning));
}

class SpecSets : public testing::TestWithParam<Set> {};

TEST_P(SpecSets, AreToldAsExpected) {
  const Set& set = GetParam();
  SpecFiles files = FilesOf(set.folder);
  CheckedSpec checked = CheckSpec(files);
  std::string told = FormatDiagnostics(files, checked, false);
  std::string expected_file = (set.folder / "expected").string();
  if (std::getenv("BULKHEAD_UPDATE_SETS") != nullptr) {
    ASSERT_TRUE(WriteFileAtomically(expected_file, told, 0644));
  }
  EXPECT_EQ(told, ReadFile(expected_file, 1 << 20).value_or("(no file \"expected\")"));
  if (set.kind == "sound") {
    EXPECT_EQ(Errors(checked), 0U) << told;
  } else {
    EXPECT_EQ(Errors(checked), 1U) << told;
  }
  if (set.kind == "against-the-lattice") {
    EXPECT_EQ(told.find("error[B03"), told.find("error[")) << told;
  }
}

INSTANTIATE_TEST_SUITE_P(Folder, SpecSets, testing::ValuesIn(AllSets()), [](const auto& set) {
  std::string name = set.param.kind + "_" + set.param.folder.filename().string();
  std::ranges::replace(name, '-', '_');
  return name;
});

TEST(SpecSetsFolder, HoldsEnoughOfEachKind) {
  std::map<std::string, int> count;
  for (const Set& set : AllSets()) ++count[set.kind];
  EXPECT_GE(count["sound"], 30);
  EXPECT_GE(count["faults"], 30);
  EXPECT_GE(count["against-the-lattice"], 15);
}

}  // namespace
}  // namespace bulkhead::vmspec
