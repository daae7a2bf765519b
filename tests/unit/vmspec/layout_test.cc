// SPDX-License-Identifier: GPL-2.0-or-later
/// FormatToml: one layout, and nothing lost on the way to it (X1).
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/unit/vmspec/spec_sets.h"
#include "tests/unit/vmspec/toml_corpus.h"
#include "vmspec/base/file.h"
#include "vmspec/document.h"
#include "vmspec/format.h"
#include "vmspec/format_proof.h"

namespace bulkhead::vmspec {
namespace {

std::string Formatted(const std::string& text) {
  auto laid = FormatToml("x.toml", text);
  if (!laid) return "error: " + laid.error().message;
  auto again = FormatToml("x.toml", *laid);
  EXPECT_EQ(again.value_or("refused"), *laid) << "formatting again changes it";
  return *laid;
}

TEST(Layout, PutsOneEmptyLineBeforeATableAndItsComments) {
  EXPECT_EQ(Formatted("\n\nschema=1\n[a]\n\n\nx=1\n# of b\n[b]\n# in b\n\n\n\n[[c]]\n\n\n"),
            "schema = 1\n\n[a]\nx = 1\n\n# of b\n[b]\n# in b\n\n[[c]]\n");
  EXPECT_EQ(Formatted("# top\n[a]\n[b]"), "# top\n[a]\n\n[b]\n");
  EXPECT_EQ(Formatted("a = 1\n\n\n\n\n# one\n\n\n# two\nb = 2\n"),
            "a = 1\n\n# one\n\n# two\nb = 2\n");
  EXPECT_EQ(Formatted(""), "");
  EXPECT_EQ(Formatted("\n \n\t\n"), "");
}

TEST(Layout, AlignsTheEqualsSignsOfARunOfKeys) {
  EXPECT_EQ(Formatted("a=1\nlonger   =   2\n\nb =3\n#x\nccc= 4"),
            "a      = 1\nlonger = 2\n\nb = 3\n#x\nccc = 4\n");
  EXPECT_EQ(Formatted("a = 1\n\"a key that is far too long to align with\" = 2\nbb = 3\n"),
            "a  = 1\n\"a key that is far too long to align with\" = 2\nbb = 3\n");
  EXPECT_EQ(Formatted("\"\u00e4\" = 1\nabcd = 2\n"), "\"\u00e4\"  = 1\nabcd = 2\n");
}

TEST(Layout, WritesKeysWithoutBlanksAndTablesWithOneBlank) {
  EXPECT_EQ(Formatted("[ a . \"b c\" . d ]\nx . y={a=1,b . c={},d=[ ]}\n"),
            "[a.\"b c\".d]\nx.y = { a = 1, b.c = {}, d = [] }\n");
  EXPECT_EQ(Formatted("[[ a ]]  # c\n"), "[[a]]  # c\n");
}

TEST(Layout, PutsEachRuleOfAListOnALineOfItsOwn) {
  EXPECT_EQ(Formatted("allow = [{a=1}, {a=2,\tb=[3,4]}]"),
            "allow = [\n  { a = 1 },\n  { a = 2, b = [3, 4] },\n]\n");
  EXPECT_EQ(Formatted("allow = [\n{a=1},\n]"), "allow = [{ a = 1 }]\n");
  EXPECT_EQ(Formatted("l = [\n1,\n2 ,3,\n]\n"), "l = [1, 2, 3]\n");
}

TEST(Layout, BreaksAListThatIsTooLongForALine) {
  std::string word = "\"" + std::string(28, 'w') + "\"";
  EXPECT_EQ(Formatted("l = [" + word + "," + word + "," + word + "]"),
            "l = [" + word + ", " + word + ", " + word + "]\n");
  EXPECT_EQ(Formatted("list = [" + word + "," + word + "," + word + "]"),
            "list = [\n  " + word + ",\n  " + word + ",\n  " + word + ",\n]\n");
}

TEST(Layout, KeepsEveryCommentOfAListWhereItBelongs) {
  EXPECT_EQ(
      Formatted("l = [ # open\n\n # before one\n1 # one\n, # also\n\n\n2, # two\n3\n#end\n\n]#x"),
      "l = [  # open\n  # before one\n  1,  # one\n  # also\n\n  2,  # two\n  3,\n"
      "  #end\n]  #x\n");
}

TEST(Layout, AlignsCommentsOfShortLinesThatFollowEachOther) {
  EXPECT_EQ(Formatted("a = 1 # one\nbb = 22# two\nc = 3\nd = 4      # four\n"),
            "a  = 1   # one\nbb = 22  # two\nc  = 3\nd  = 4  # four\n");
}

TEST(Layout, KeepsTheSpellingOfValues) {
  std::string text =
      "a = 0x1F\nb = 1_000.5e+3\nc = 1979-05-27 07:32:00\nd = 'C:\\x'\ne = \"\\u00e9 # no\"\n"
      "f = \"\"\"\n  two  \n lines\\\n   \"\"\"\"\"\ng = '''x'''''\nh = -inf\n";
  EXPECT_EQ(Formatted(text), text);
}

TEST(Layout, KeepsLinesOfTextInAListAndInATable) {
  EXPECT_EQ(Formatted("a = [\"\"\"\nx\n\"\"\", 2]\n"), "a = [\n  \"\"\"\nx\n\"\"\",\n  2,\n]\n");
  EXPECT_EQ(Formatted("a = {b=\"\"\"\nx\"\"\", c=[1, # y\n2]}\n"),
            "a = { b = \"\"\"\nx\"\"\", c = [\n  1,  # y\n  2,\n] }\n");
}

TEST(Layout, TurnsOtherLineEndsAndTheByteOrderMarkIntoOurs) {
  EXPECT_EQ(Formatted("\xEF\xBB\xBF"
                      "a = 1  # x \t\r\n\r\n[b]\t\r\n"),
            "a = 1  # x\n\n[b]\n");
}

TEST(Layout, CannotBeGivenWhatIsNotToml) {
  auto laid = FormatToml("flows.toml", "schema = 1\n[flow.up\n");
  ASSERT_FALSE(laid);
  EXPECT_EQ(laid.error().code, ErrorCode::kInvalid);
  EXPECT_TRUE(laid.error().message.starts_with("flows.toml:2:")) << laid.error().message;
}

TEST(Layout, CannotGrowAFileBeyondItsBound) {
  std::string text = "a24_characters_long_key_ = 1\n";
  for (int i = 0; text.size() < kMaxFileBytes - 100; ++i)
    text += "# " + std::string(90, 'c') + "\n";
  // Padding behind short keys makes the text longer than a spec file may be.
  std::string keys = "\n" + std::string(24, 'k') + "=1\n";
  for (int i = 0; i < 60'000; ++i) keys += "k" + std::to_string(i) + "=1\n";
  text.resize(kMaxFileBytes - keys.size());
  auto laid = FormatToml("x.toml", text + keys);
  ASSERT_FALSE(laid);
  EXPECT_EQ(laid.error().code, ErrorCode::kLimit) << laid.error().message;
}

TEST(LayoutProof, SeesAWordACommentAndAValueThatChanged) {
  EXPECT_TRUE(HasSameWords("a=[1,2,] # x\n", "a = [\n 1, # x\n 2]"));
  EXPECT_FALSE(HasSameWords("a = 1.5", "a = 1.6"));
  EXPECT_FALSE(HasSameWords("a = 1 # x\n# y\n", "a = 1 # y\n# x\n"));
  EXPECT_FALSE(HasSameWords("a = 1 # x", "a = 1"));
  EXPECT_FALSE(HasSameWords("a = '#'", "a = '##'"));
  Faults faults;
  const std::string file = "x";
  auto node = [&](const char* text) { return ParseDocument(file, text, faults).value(); };
  EXPECT_TRUE(MeansTheSame(node("a = 1\nb = [{c=true}]"), node("b = [{c=true}]\na=0x1")));
  EXPECT_FALSE(MeansTheSame(node("a = 1"), node("a = 2")));
  EXPECT_FALSE(MeansTheSame(node("a = [1]"), node("a = [1, 1]")));
  EXPECT_FALSE(MeansTheSame(node("a.b = 1"), node("a.c = 1")));
  EXPECT_FALSE(MeansTheSame(node("a = '1'"), node("a = 1")));
}

/// Lays the file out, and demands what the header promises; FormatToml itself has proved the rest.
void ExpectLaidOut(const std::string& path) {
  auto text = ReadFile(path, kMaxFileBytes);
  ASSERT_TRUE(text) << path;
  auto laid = FormatToml("x.toml", *text);
  ASSERT_TRUE(laid) << path << ": " << laid.error().message;
  EXPECT_EQ(FormatToml("x.toml", *laid).value_or("refused"), *laid) << path;
  EXPECT_TRUE(laid->empty() || (laid->ends_with('\n') && !laid->ends_with("\n\n"))) << path;
}

TEST(Layout, HoldsForEveryValidDocumentOfTomlTest) {
  std::string folder = CorpusFolder("toml-test");
  if (folder.empty()) GTEST_SKIP() << "no corpora";
  std::vector<std::string> files = ListedInCorpus(folder, "valid/");
  EXPECT_GE(files.size(), 150U);
  for (const std::string& file : files) ExpectLaidOut(folder + "/tests/" + file);
}

TEST(Layout, OfTheExamplesIsCanonical) {
  int files = 0;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(SourceRoot() + "/vmspec/examples")) {
    if (entry.path().extension() != ".toml") continue;
    ++files;
    std::string text = ReadFile(entry.path(), kMaxFileBytes).value();
    EXPECT_EQ(Formatted(text), text) << entry.path() << ": bulkhead spec format";
  }
  EXPECT_GE(files, 6);
}

}  // namespace
}  // namespace bulkhead::vmspec
