// SPDX-License-Identifier: GPL-2.0-or-later
/// What is shown is harmless, whatever the spec set holds.
#include <gtest/gtest.h>

#include <fstream>

#include "tests/unit/vmspec/spec_sets.h"
#include "vmspec/base/sanitize.h"

namespace bulkhead::vmspec {
namespace {

/// Every line is printable, and the text ends with a line.
testing::AssertionResult IsHarmless(const std::string& shown) {
  std::size_t from = 0;
  for (std::size_t end; (end = shown.find('\n', from)) != shown.npos; from = end + 1) {
    std::string line = shown.substr(from, end - from);
    std::erase(line, '\\');  // is printable; IsPrintable only wants it doubled
    if (!IsPrintable(line)) return testing::AssertionFailure() << Printable(line, 1000);
  }
  return from == shown.size() ? testing::AssertionSuccess()
                              : testing::AssertionFailure() << "no newline at the end";
}

TEST(Format, CannotBeBrokenByNaughtyStrings) {
  std::string folder = CorpusFolder("naughty-strings");
  if (folder.empty()) GTEST_SKIP() << "no corpora";
  std::ifstream in(folder + "/blns.txt");
  int strings = 0;
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line[0] == '#') continue;
    ++strings;
    SpecFiles files = SoundSet();
    // Where the string ends the literal, or is no TOML, that is a fault to be shown, too.
    files["levels/low.toml"] = "schema = 1\ntitle = '" + line + "'\nimage = \"" + line + "\"\n";
    files["flows.toml"] += "comment = '''" + line + "'''\n\"" + line + "\" = 1\n";
    files["levels/" + line + ".toml"] = line;
    files[line] = "x";
    CheckedSpec checked = CheckSpec(files);
    EXPECT_FALSE(checked.ok());
    EXPECT_TRUE(IsHarmless(FormatDiagnostics(files, checked, false))) << Printable(line, 1000);
    for (const Diagnostic& d : checked.diagnostics) {
      EXPECT_TRUE(IsHarmless(d.message + "\n" + d.label + "\n" + d.help + "\n"));
    }
  }
  EXPECT_GT(strings, 400);
}

TEST(Format, ATitleOfNaughtyStringsIsPrintableWhenItIsAccepted) {
  std::string folder = CorpusFolder("naughty-strings");
  if (folder.empty()) GTEST_SKIP() << "no corpora";
  std::ifstream in(folder + "/blns.txt");
  int accepted = 0;
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line.find('\'') != line.npos) continue;
    CheckedSpec checked = CheckSpec(Changed("levels/low.toml", "\"Public\"", "'" + line + "'"));
    if (!checked.ok()) continue;
    ++accepted;
    EXPECT_TRUE(IsPrintable(checked.spec.levels.at("low").title));
  }
  EXPECT_GT(accepted, 50);
}

TEST(Format, CannotColourATerminalFromATitle) {
  SpecFiles files = Changed("levels/low.toml", "\"Public\"", "\"\\u001b[31mred\\u0007\"");
  EXPECT_TRUE(IsHarmless(Explain(files)));
  EXPECT_NE(Explain(files).find("\\x1B[31mred\\x07"), std::string::npos);
}

TEST(Format, CannotBeBrokenByDiagnosticsFromTheBus) {
  CheckedSpec checked;
  checked.diagnostics.push_back(
      {"B\x1b[0m", "one\ntwo\x1b]0;x\a", {"a\nb", 3, 9, 70}, "l\nl", "h\r"});
  EXPECT_TRUE(IsHarmless(FormatDiagnostics({}, checked, false)));
  EXPECT_TRUE(IsHarmless(FormatDiagnostics({{"a\nb", "\n\n\x1b\x80\xff\n"}}, checked, false)));
}

TEST(Format, PlacesBeyondTheFileAreShownWithoutASourceLine) {
  CheckedSpec checked;
  checked.diagnostics.push_back(
      {"B0101", "m", {"flows.toml", 4294967295U, 4294967295U, 4294967295U}});
  EXPECT_TRUE(IsHarmless(FormatDiagnostics({{"flows.toml", "a"}}, checked, false)));
}

TEST(Format, CaretsStandUnderTheirCharactersInLinesWithUmlauts) {
  std::string told = Explain(Changed("levels/low.toml", "[network]",
                                     "resources = { \"\u00e4\u00f6\" = 1, no = 2 }\n[network]"));
  EXPECT_NE(
      told.find(" 5 | resources = { \"\u00e4\u00f6\" = 1, no = 2 }\n   |               ^^^^\n"),
      told.npos)
      << told;
  EXPECT_NE(
      told.find(
          " 5 | resources = { \"\u00e4\u00f6\" = 1, no = 2 }\n   |                         ^^\n"),
      told.npos)
      << told;
}

TEST(Format, ALongLineIsShownAsAWindow) {
  SpecFiles files = Changed("levels/low.toml", "title",
                            "colour = { x = \"" + std::string(5000, 'x') + "\", b = 1 }\ntitle");
  std::size_t length = 0;
  for (char c : Explain(files)) {
    length = c == '\n' ? 0 : length + 1;
    ASSERT_LT(length, 400U);
  }
}

TEST(Format, ColoursOnlyWhenAsked) {
  SpecFiles files = Changed("flows.toml", "kind", "knid");
  CheckedSpec checked = CheckSpec(files);
  EXPECT_EQ(FormatDiagnostics(files, checked, false).find('\x1b'), std::string::npos);
  std::string coloured = FormatDiagnostics(files, checked, true);
  EXPECT_NE(coloured.find("\x1b[1;31merror[B0102]\x1b[0m: "), std::string::npos);
  std::string stripped;
  for (std::size_t i = 0; i < coloured.size(); ++i) {
    if (coloured[i] == '\x1b') {
      i = coloured.find('m', i);
    } else {
      stripped += coloured[i];
    }
  }
  EXPECT_EQ(stripped, FormatDiagnostics(files, checked, false));
}

}  // namespace
}  // namespace bulkhead::vmspec
