// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/base/sanitize.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <vector>

namespace bulkhead {
namespace {

using namespace std::string_literals;

std::string Utf8(char32_t c) {
  auto byte = [](char32_t v) { return static_cast<char>(v); };
  if (c < 0x80) return {byte(c)};
  if (c < 0x800) return {byte(0xC0 | c >> 6), byte(0x80 | (c & 0x3F))};
  if (c < 0x10000) {
    return {byte(0xE0 | c >> 12), byte(0x80 | (c >> 6 & 0x3F)), byte(0x80 | (c & 0x3F))};
  }
  return {byte(0xF0 | c >> 18), byte(0x80 | (c >> 12 & 0x3F)), byte(0x80 | (c >> 6 & 0x3F)),
          byte(0x80 | (c & 0x3F))};
}

/// No byte that a terminal acts on, every backslash the beginning of an escape of ours.
bool IsHarmless(const std::string& text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    auto c = static_cast<std::uint8_t>(text[i]);
    if (c < 0x20 || c == 0x7F) return false;
    if (c == 0xC2 && static_cast<std::uint8_t>(text[i + 1]) < 0xA0) return false;  // C1
    if (c != '\\') continue;
    bool doubled = text.compare(i, 2, "\\\\") == 0;
    bool hex = text.compare(i, 2, "\\x") == 0 && i + 3 < text.size();
    if (!doubled && !hex) return false;
    ++i;
  }
  return true;
}

TEST(Printable, LeavesOrdinaryTextAlone) {
  for (const char* text : {"", "plain", "äöü €", "报告.txt", "🙂", "%s%n $HOME <b>&amp;"}) {
    EXPECT_EQ(text, Printable(text));
    EXPECT_TRUE(IsPrintable(text));
  }
}

TEST(Printable, ShowsWhatATerminalWouldActOn) {
  EXPECT_EQ("\\x1B[31mred\\x1B]0;title\\x07", Printable("\x1b[31mred\x1b]0;title\x07"));
  EXPECT_EQ("a\\x0Ab\\x0Dc\\x09d\\x00e\\x7F", Printable("a\nb\rc\td\0e\x7f"s));
  // CSI as one byte of C1, in UTF-8 and as a raw byte.
  EXPECT_EQ("\\xC2\\x9B31m", Printable("\xc2\x9b\x33\x31m"));
  EXPECT_EQ("\\x9B31m", Printable("\x9b\x33\x31m"));
}

TEST(Printable, CannotBeForgedWithABackslash) {
  EXPECT_EQ("\\\\x1B", Printable("\\x1B"));
  EXPECT_NE(Printable("\\x1B"), Printable("\x1b"));
  EXPECT_FALSE(IsPrintable("a\\b"));
}

// Unicode 15's Cf, Zl, Zp; private use; variation selectors; fillers; non-characters.
TEST(Printable, CannotCarryInvisibleOrTextDirectionCharacters) {
  constexpr std::pair<char32_t, char32_t> kRanges[] = {
      {0x00AD, 0x00AD},   {0x034F, 0x034F},   {0x0600, 0x0605},    {0x061C, 0x061C},
      {0x06DD, 0x06DD},   {0x070F, 0x070F},   {0x0890, 0x0891},    {0x08E2, 0x08E2},
      {0x115F, 0x1160},   {0x17B4, 0x17B5},   {0x180B, 0x180F},    {0x200B, 0x200F},
      {0x2028, 0x202E},   {0x2060, 0x2064},   {0x2066, 0x206F},    {0x3164, 0x3164},
      {0xE000, 0xE003},   {0xF8FF, 0xF8FF},   {0xFDD0, 0xFDEF},    {0xFE00, 0xFE0F},
      {0xFEFF, 0xFEFF},   {0xFFA0, 0xFFA0},   {0xFFF9, 0xFFFB},    {0xFFFE, 0xFFFF},
      {0x110BD, 0x110BD}, {0x110CD, 0x110CD}, {0x13430, 0x1343F},  {0x1BCA0, 0x1BCA3},
      {0x1D173, 0x1D17A}, {0x1FFFE, 0x1FFFF}, {0xE0001, 0xE0001},  {0xE0020, 0xE007F},
      {0xE0100, 0xE01EF}, {0xF0000, 0xF0003}, {0x10FFFF, 0x10FFFF}};
  for (auto [first, last] : kRanges) {
    for (char32_t c = first; c <= last; ++c) {
      std::string shown = Printable("a" + Utf8(c) + "b");
      EXPECT_TRUE(shown.starts_with("a\\x")) << std::hex << static_cast<std::uint32_t>(c);
    }
  }
}

TEST(Printable, ShowsBytesThatAreNoUtf8) {
  EXPECT_EQ("\\xFF\\xFE", Printable("\xff\xfe"));
  EXPECT_EQ("\\xC0\\xAF", Printable("\xc0\xaf")) << "an overlong slash";
  EXPECT_EQ("\\xE0\\x80\\xAF", Printable("\xe0\x80\xaf"));
  EXPECT_EQ("\\xED\\xA0\\x80", Printable("\xed\xa0\x80")) << "a surrogate";
  EXPECT_EQ("\\xF4\\x90\\x80\\x80", Printable("\xf4\x90\x80\x80")) << "above U+10FFFF";
  EXPECT_EQ("\\xE2\\x82", Printable("\xe2\x82")) << "cut short";
  EXPECT_EQ("\\xE2\\x82x", Printable("\xe2\x82x"));
  EXPECT_EQ("\\x80", Printable("\x80"));
}

TEST(Printable, IsCutBetweenCharactersAndSaysSo) {
  EXPECT_EQ("abc...", Printable("abcdef", 3));
  EXPECT_EQ("abc", Printable("abc", 3));
  EXPECT_EQ("...", Printable("\x1b", 3)) << "an escape is whole or not there";
  EXPECT_EQ("a...", Printable("aä", 2));
  std::string hostile(100'000, '\x1b');
  EXPECT_LE(Printable(hostile, 256).size(), 259U);
}

TEST(Printable, OfEveryByteAndPairOfBytesIsHarmless) {
  for (int a = 0; a < 256; ++a) {
    for (int b = 0; b < 256; ++b) {
      std::string text = {static_cast<char>(a), static_cast<char>(b)};
      std::string shown = Printable(text);
      ASSERT_TRUE(IsHarmless(shown)) << a << " " << b;
      // What it shows has nothing left to show but its own backslashes.
      ASSERT_EQ(IsPrintable(text), shown == text) << a << " " << b;
    }
  }
}

TEST(PrintableLines, KeepsLinesAndTabsAndIsTheSameASecondTime) {
  EXPECT_EQ("a\n\tb\\x0Dc\\", PrintableLines("a\n\tb\rc\\"));
  for (const std::string& text :
       {"a\nb"s, "\x1b[2J\n"s, "\\x1b"s, "\xff\xfe\t"s, "\0\n"s, "\xe2\x80\xaetxt"s}) {
    std::string once = PrintableLines(text);
    EXPECT_EQ(once, PrintableLines(once));
  }
}

TEST(JsonString, EscapesWhatJsonMust) {
  EXPECT_EQ(R"("a\"b\\c\u000a\u0000\u007f")", JsonString("a\"b\\c\n\0\x7f"s));
  EXPECT_EQ("\"ä🙂\"", JsonString("ä🙂"));
  EXPECT_EQ("\"\xEF\xBF\xBD\xEF\xBF\xBD/\"", JsonString("\xff\xc0/")) << "U+FFFD for each byte";
}

std::vector<std::string> NaughtyStrings() {
  std::vector<std::string> out;
  const char* corpora = std::getenv("BULKHEAD_CORPORA");
  std::ifstream in(std::string(corpora != nullptr ? corpora : "") + "/naughty-strings/blns.txt");
  for (std::string line; std::getline(in, line);) {
    if (!line.empty() && !line.starts_with('#')) out.push_back(line);
  }
  return out;
}

TEST(Sanitize, MakesTheNaughtyStringsHarmless) {
  auto strings = NaughtyStrings();
  if (strings.empty()) GTEST_SKIP() << "no corpora here (set BULKHEAD_CORPORA)";
  EXPECT_GT(strings.size(), 400U);
  for (const std::string& text : strings) {
    EXPECT_TRUE(IsHarmless(Printable(text, 100'000))) << Printable(text);
    std::string lines = PrintableLines(text);
    EXPECT_EQ(lines, PrintableLines(lines));
    std::string json = JsonString(text);
    EXPECT_EQ(std::string::npos, json.find_first_of("\n\r\x1b")) << json;
  }
}

}  // namespace
}  // namespace bulkhead
