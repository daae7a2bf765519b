// SPDX-License-Identifier: GPL-2.0-or-later
/// MigrateText: files of an older schema rewritten, and nothing else in them touched (X1).
#include "vmspec/migrate.h"

#include <gtest/gtest.h>

#include "tests/unit/vmspec/spec_sets.h"
#include "vmspec/document.h"
#include "vmspec/file_names.h"
#include "vmspec/migrate_text.h"
#include "vmspec/schema.h"

namespace bulkhead::vmspec {
namespace {

const SpecPath kHost{SpecPath::Part::kTop, "host", false};

std::string Migrated(const std::string& text, const SpecPath& path = kHost) {
  auto migrated = MigrateText(path, "x.toml", text);
  return migrated ? migrated->text : "refused: " + migrated.error().message;
}

TEST(MigrateText, ChangesTheValuesOfTheOldSchemaAndNothingElse) {
  EXPECT_EQ(Migrated("# head\n\nschema=1 # now\n[guest]   # a\n hello-timeout  =  90#s\n# end"),
            "# head\n\nschema=2 # now\n[guest]   # a\n hello-timeout  =  \"90 s\"#s\n# end");
}

TEST(MigrateText, FindsTheValueInEveryFormThatTomlHas) {
  EXPECT_EQ(Migrated("guest.hello-timeout = 9_0\nschema = 0x1\n"),
            "guest.hello-timeout = \"90 s\"\nschema = 2\n");
  EXPECT_EQ(Migrated("schema = 1\r\nguest = {\"hello-timeout\"=+90}\r\n"),
            "schema = 2\r\nguest = {\"hello-timeout\"=\"90 s\"}\r\n");
  EXPECT_EQ(Migrated("schema = 1\n'guest' = { x = '\u00e4\U0001f600', hello-timeout = 0x5A }"),
            "schema = 2\n'guest' = { x = '\u00e4\U0001f600', hello-timeout = \"90 s\" }");
  EXPECT_EQ(Migrated("\xEF\xBB\xBFschema = 1\n"), "\xEF\xBB\xBFschema = 2\n");
}

TEST(MigrateText, SaysEachValueWithItsLineAndBothSpellings) {
  auto migrated = MigrateText(kHost, "x.toml", "schema = 1\n\n[guest]\nhello-timeout = 9_0\n");
  ASSERT_TRUE(migrated);
  EXPECT_EQ(migrated->from, 1);
  ASSERT_EQ(migrated->values.size(), 2U);
  EXPECT_EQ(migrated->values[0].key, "schema");
  EXPECT_EQ(migrated->values[1].line, 4U);
  EXPECT_EQ(migrated->values[1].key, "guest.hello-timeout");
  EXPECT_EQ(migrated->values[1].from, "9_0");
  EXPECT_EQ(migrated->values[1].to, "\"90 s\"");
}

TEST(MigrateText, LeavesAFileOfTheNewestSchemaAsItIs) {
  auto migrated = MigrateText(kHost, "x.toml", "schema=2\n[guest]\nhello-timeout='1 s'");
  ASSERT_TRUE(migrated);
  EXPECT_EQ(migrated->text, "schema=2\n[guest]\nhello-timeout='1 s'");
  EXPECT_TRUE(migrated->values.empty());
}

TEST(MigrateText, TheSameWordsInAnotherFileKeepTheirMeaning) {
  EXPECT_EQ(Migrated("schema = 1\n[guest]\nhello-timeout = 90\n", {SpecPath::Part::kLevel, "a"}),
            "schema = 2\n[guest]\nhello-timeout = 90\n");
}

TEST(MigrateText, CannotBeGivenASchemaThatThisVersionDoesNotRead) {
  for (const char* text : {"", "schema = 0\n", "schema = 3\n", "schema = '1'\n", "a = 1\n"}) {
    auto migrated = MigrateText(kHost, "x.toml", text);
    ASSERT_FALSE(migrated) << text;
    EXPECT_EQ(migrated.error().code, ErrorCode::kInvalid);
  }
}

/// The set reads the same before and after, by the reader that applies sets.
TEST(MigrateText, TheCheckerReadsTheSameInBoth) {
  SpecFiles files = SoundSet();
  files["host.toml"] = "schema = 1\n[guest]\nhello-timeout = 90\n";
  CheckedSpec before = CheckSpec(files);
  for (auto& [path, text] : files) text = Migrated(text, ParseSpecPath(path).value());
  EXPECT_NE(files["host.toml"].find("schema = 2"), std::string::npos);
  CheckedSpec after = CheckSpec(files);
  ASSERT_TRUE(before.ok() && after.ok());
  EXPECT_EQ(after.spec.host.hello_timeout_s, before.spec.host.hello_timeout_s);
}

TEST(MigrateText, TheOldestSchemaIsTheFirstThatAMigrationLeaves) {
  ASSERT_FALSE(Migrations().empty());
  EXPECT_EQ(Migrations().front().from, kOldestSchema);
  EXPECT_EQ(Migrations().back().from, kCurrentSchema - 1);
}

TEST(SpecPathEnd, IsTheLongestThatNamesAFileOfASet) {
  auto name = [](const char* path) {
    auto found = ParseSpecPathEnd(path);
    return !found ? "-" : (found->part == SpecPath::Part::kTop ? "top " : "part ") + found->name;
  };
  EXPECT_EQ(name("/etc/set/host.toml"), "top host");
  EXPECT_EQ(name("/host.toml"), "top host");
  EXPECT_EQ(name("/etc/set/host.d/10.toml"), "top host");
  EXPECT_EQ(name("/etc/set/levels/host.toml"), "part host");
  EXPECT_EQ(name("/levels/flows.d/x.toml"), "part flows");
  EXPECT_EQ(name("/etc/set/none.toml"), "-");
  EXPECT_EQ(name("host.toml"), "-");
  EXPECT_EQ(name(""), "-");
}

}  // namespace
}  // namespace bulkhead::vmspec
