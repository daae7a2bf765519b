// SPDX-License-Identifier: GPL-2.0-or-later
/// The pure pieces: arguments, JSON, tables, the console filter, spelling of numbers.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "hostd/cli/args.h"
#include "hostd/cli/console_filter.h"
#include "hostd/cli/context.h"
#include "hostd/cli/json.h"
#include "hostd/cli/table.h"

namespace bulkhead::cli {
namespace {

constexpr Option kOptions[] = {{"--force", "", ""}, {"--lines", "N", "", "-n"}};

Result<Arguments> Parsed(const std::vector<std::string>& words) {
  return ParseArguments(words, kOptions);
}

TEST(Arguments, OptionsMayStandAnywhereBeforeTheDashes) {
  auto a = Parsed({"low", "--force", "-n", "3", "high", "--", "--lines", "x"});
  ASSERT_TRUE(a);
  EXPECT_EQ((std::vector<std::string>{"low", "high"}), a->positional);
  EXPECT_EQ((std::vector<std::string>{"--lines", "x"}), a->rest);
  EXPECT_TRUE(a->Has("--force"));
  EXPECT_EQ("3", a->Value("--lines"));
}

TEST(Arguments, ValueMayFollowAnEqualsSign) {
  EXPECT_EQ("7", Parsed({"--lines=7"})->Value("--lines"));
}

TEST(Arguments, ASingleDashIsAWord) { EXPECT_EQ("-", Parsed({"-"})->positional.at(0)); }

TEST(Arguments, NumbersAreWholeAndInRange) {
  EXPECT_EQ(5u, NumberIn("--n", "5", 1, 9).value());
  for (const char* bad : {"", "0", "10", "5x", "-1", " 5", "99999999999"}) {
    EXPECT_FALSE(NumberIn("--n", bad, 1, 9)) << bad;
  }
}

TEST(JsonValue, KeepsOrderAndEscapes) {
  Json json(JsonMembers{{"b", "x\"\\\n\t"}, {"a", JsonArray{1, true, Json()}}});
  EXPECT_EQ(R"({"b": "x\"\\\n\t", "a": [1, true, null]})", json.Dump(0));
}

TEST(JsonValue, DeceptiveCharactersAreEscapedAndAstralOnesInPairs) {
  EXPECT_EQ(R"("\u202e\udb40\udc01é漢")", Json("\u202e\U000E0001é漢").Dump(0));
  EXPECT_EQ("\"\\ufffdx\"", Json("\xffx").Dump(0));
  EXPECT_EQ("\"\\u0000\"", Json(std::string(1, '\0')).Dump(0));
}

TEST(JsonParser, ReadsWhatItWrites) {
  Json json(JsonMembers{{"a", JsonArray{-5, "\u202e\U0001F600", 1.5}}, {"o", JsonMembers{}}});
  auto back = ParseJson(json.Dump(2));
  ASSERT_TRUE(back);
  EXPECT_EQ(json.Dump(0), back->Dump(0));
}

TEST(JsonParser, CannotBeMadeToAcceptOrCrashOnNonsense) {
  for (const char* bad : {"",
                          "{",
                          "[",
                          "\"",
                          "\"\\",
                          "\"\\u12",
                          "\"\\ud800\"",
                          "\"\\udc00\"",
                          "{\"a\"}",
                          "{\"a\":}",
                          "[1,]",
                          "[1 2]",
                          "tru",
                          "nan",
                          "inf",
                          "+1",
                          "--1",
                          "1e",
                          "\"\n\"",
                          "{} x",
                          "\"\\x\"",
                          "\"\\ud800\\u0041\""}) {
    EXPECT_FALSE(ParseJson(bad)) << bad;
  }
}

TEST(JsonParser, CannotBeDrivenIntoDeepRecursion) {
  EXPECT_FALSE(ParseJson(std::string(100'000, '[')));
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "{\"a\":";
  EXPECT_FALSE(ParseJson(deep));
}

TEST(TableText, WidthIsWhatATerminalShows) {
  EXPECT_EQ(2u, DisplayWidth("漢"));
  EXPECT_EQ(1u, DisplayWidth("e\u0301"));
  EXPECT_EQ(2u, DisplayWidth("\U0001F600"));
  EXPECT_EQ("漢…", CutTo("漢字漢字", 4));
  EXPECT_EQ("abc", CutTo("abc", 3));
}

TEST(TableTest, OfWhatSomebodyDecidesByLeavesNothingOut) {
  Table table({"OF", "CHANGE", "PLACE"}, Fit::kWrap);
  table.Add({"level high", {"resources.memory: 512 MiB -> 2 GiB", Colour::kRed}, "high.toml:11"});
  EXPECT_EQ(
      "OF          CHANGE             PLACE\n"
      "level high  resources.memory:  high.toml:11\n"
      "            512 MiB -> 2 GiB\n",
      table.Format(43, false));
  std::string wide = table.Format(43, true);
  EXPECT_NE(wide.find("\033[31mresources.memory:\033[0m"), std::string::npos) << wide;
  EXPECT_NE(wide.find("\033[31m512 MiB -> 2 GiB\033[0m"), std::string::npos) << wide;
}

TEST(TableTest, WrapsAtBlanksAndWithinAWordThatIsTooLong) {
  using Texts = std::vector<std::string>;
  EXPECT_EQ((Texts{"abc", "de f"}), WrapTo("abc de f", 4));
  EXPECT_EQ((Texts{"abcd", "ef"}), WrapTo("abcdef", 4));
  EXPECT_EQ((Texts{"漢字", "漢"}), WrapTo("漢字漢", 4));
  EXPECT_EQ((Texts{"abc"}), WrapTo("abc", 3));
  EXPECT_EQ((Texts{""}), WrapTo("", 3));
}

TEST(TableText, ColumnsAlignWithWideCharacters) {
  Table table({"NAME", "X"});
  table.Add({"漢字", "1"});
  table.Add({"abcde", ""});
  EXPECT_EQ("NAME   X\n漢字   1\nabcde  -\n", table.Format(0, false));
}

TEST(TableText, TheWidestColumnIsCutFirst) {
  Table table({"A", "B"});
  table.Add({"short", std::string(50, 'x')});
  EXPECT_EQ("A      B\nshort  xxxxxxxxxxxx…\n", table.Format(20, false));
}

TEST(TableText, CannotCarryAnEscape) { EXPECT_EQ("\\x1B[2J", Cell("\033[2J").text); }

std::string Filtered(const std::vector<std::string>& pieces) {
  ConsoleFilter filter;
  std::string out;
  for (const std::string& piece : pieces) out += filter.Feed(piece);
  return out;
}

TEST(ConsoleFilterTest, KeepsWhatALineNeeds) {
  EXPECT_EQ("a\tb\r\nc\b \\ é漢", Filtered({"a\tb\r\nc\b \\ é漢"}));
}

TEST(ConsoleFilterTest, CannotPassAnEscapeSequenceWhole) {
  EXPECT_EQ("ab", Filtered({"a\033[31;1mb"}));
  EXPECT_EQ("ab", Filtered({"a\033]52;c;ZXZpbA==\033\\b"}));
  EXPECT_EQ("ab", Filtered({"a\033P+q\033\\b"}));
  EXPECT_EQ("ab", Filtered({"a\033cb"}));
  EXPECT_EQ("ab", Filtered({"a\033(0b"}));
  EXPECT_EQ("a\\xC2\\x9B31mb", Filtered({"a\u009b31mb"}));
}

TEST(ConsoleFilterTest, CannotPassASequenceCutInPieces) {
  std::string attack = "a\033]0;x\033\\\033[2Jé\u202eb";
  std::vector<std::string> bytes;
  for (char c : attack) bytes.emplace_back(1, c);
  EXPECT_EQ("aé\\xE2\\x80\\xAEb", Filtered(bytes));
}

TEST(ConsoleFilterTest, CannotSwallowTheRestOfTheConsole) {
  EXPECT_EQ("a\nb", Filtered({"a\033]0;never ended\nb"}));
  std::string shown = Filtered({"a\033P" + std::string(1000, 'x') + "end"});
  EXPECT_TRUE(shown.ends_with("end")) << shown;
}

TEST(ConsoleFilterTest, InvalidBytesAreShown) {
  EXPECT_EQ("\\xC3(\\xFF\\x00", Filtered({std::string("\xc3(\xff\0", 4)}));
}

TEST(Spelling, DurationsAndSizes) {
  EXPECT_EQ("0 s", SpellDuration(-5));
  EXPECT_EQ("119 s", SpellDuration(119'999));
  EXPECT_EQ("2 min", SpellDuration(120'000));
  EXPECT_EQ("47 h", SpellDuration(47LL * 3600'000));
  EXPECT_EQ("2 d", SpellDuration(48LL * 3600'000));
  EXPECT_EQ("1023 B", SpellBytes(1023));
  EXPECT_EQ("16.0 MiB", SpellBytes(16ULL << 20));
}

}  // namespace
}  // namespace bulkhead::cli
