// SPDX-License-Identifier: GPL-2.0-or-later
/// The words for texts that are no TOML, and the places of values. What is TOML and what is not,
/// toml_corpus_test.cc holds to toml-test.
#include <gtest/gtest.h>

#include "vmspec/document.h"

namespace bulkhead::vmspec {
namespace {

const std::string kFile = "f.toml";

/// "1:5 what is wrong"
std::string FaultOf(std::string_view text) {
  Faults faults;
  EXPECT_FALSE(ParseDocument(kFile, text, faults)) << text;
  auto all = faults.Take();
  if (all.size() != 1) return "not one fault";
  const Diagnostic& d = all[0];
  EXPECT_EQ(d.origin.file, kFile);
  std::string prefix = "not valid TOML: ";
  EXPECT_EQ(d.message.substr(0, prefix.size()), prefix);
  return std::to_string(d.origin.line) + ":" + std::to_string(d.origin.column) + " " +
         d.message.substr(prefix.size());
}

Node Parsed(std::string_view text) {
  Faults faults;
  auto node = ParseDocument(kFile, text, faults);
  EXPECT_TRUE(node) << text;
  return node ? std::move(*node) : Node{};
}

std::string PlaceOf(const Place& place) {
  return std::to_string(place.line) + ":" + std::to_string(place.column) + "+" +
         std::to_string(place.length);
}

TEST(TomlReader, SaysInAPlainSentenceWhatIsWrong) {
  EXPECT_EQ(FaultOf("kind = transfer\n"),
            "1:8 \"transfer\" is no value; a text stands in quotation marks");
  EXPECT_EQ(FaultOf("a = 01\n"), "1:5 \"01\" is no number, date or time");
  EXPECT_EQ(FaultOf("a = -x1\n"), "1:5 \"-x1\" is no value; a text stands in quotation marks");
  EXPECT_EQ(FaultOf("a = \n"), "1:5 here should be a value");
  EXPECT_EQ(FaultOf("a\n"), "1:2 a key is followed by \"=\" and its value");
  EXPECT_EQ(FaultOf("= 1\n"),
            "1:1 here should be a key: of letters, digits, \"-\" and \"_\", or in quotation marks");
  EXPECT_EQ(FaultOf("a = 1 b = 2\n"), "1:7 the line should end here, or a comment begin");
  EXPECT_EQ(FaultOf("a = \"x\n"), "1:5 the string does not end on its line");
  EXPECT_EQ(FaultOf("a = '''x\n"), "1:5 the string does not end");
  EXPECT_EQ(FaultOf("a = \"C:\\dir\"\n"),
            "1:8 there is no such escape; write \"\\\\\" for a backslash");
  EXPECT_EQ(FaultOf("a = \"\\ud800\"\n"), "1:6 there is no such character");
  EXPECT_EQ(FaultOf("[a\n"), "1:3 the name of a table ends with \"]\"");
  EXPECT_EQ(FaultOf("[[a]\n"), "1:4 the name of a list of tables ends with \"]]\"");
  EXPECT_EQ(FaultOf("a = [1 2]\n"), "1:8 a list goes on with \",\" or ends with \"]\"");
  EXPECT_EQ(FaultOf("a = { b = 1\n}\n"),
            "1:12 a table in braces goes on with \",\" or ends with \"}\" on its line");
  EXPECT_EQ(FaultOf("a = \xff\n"), "1:5 the bytes here are no UTF-8");
}

TEST(TomlReader, SaysWhyAKeyOrTableCannotStandWhereItStands) {
  EXPECT_EQ(FaultOf("a = 1\n\na = 2\n"), "3:1 \"a\" is there already");
  EXPECT_EQ(FaultOf("[a]\n[b]\n[a]\n"), "3:2 \"a\" is there already");
  EXPECT_EQ(FaultOf("a = 1\na.b = 2\n"), "2:1 \"a\" is no table");
  EXPECT_EQ(FaultOf("a = {}\n[a.b]\n"), "2:2 nothing can be added here to the table \"a\"");
  EXPECT_EQ(FaultOf("[a.b]\n[a]\nb.c = 1\n"), "3:1 nothing can be added here to the table \"b\"");
  EXPECT_EQ(FaultOf("a = [{}]\n[[a]]\n"), "2:3 \"a\" is there already");
}

TEST(TomlReader, AWideTableKnowsItsKeysAsANarrowOneDoes) {
  std::string text;
  for (int n = 0; n < 100; ++n) text += "k" + std::to_string(n) + " = " + std::to_string(n) + "\n";
  Node wide = Parsed(text);
  EXPECT_EQ(wide.As<Table>()->members.size(), 100U);
  EXPECT_EQ(*Find(wide, "k99")->As<std::int64_t>(), 99);
  EXPECT_EQ(FaultOf(text + "k50 = 1\n"), "101:1 \"k50\" is there already");
  EXPECT_EQ(FaultOf(text + "k3.x = 1\n"), "101:1 \"k3\" is no table");
}

TEST(TomlReader, KnowsWhereEachThingStands) {
  Node root =
      Parsed("\xEF\xBB\xBFschema = 2\n[a]\n\"\xC3\xA4\" = 'x\xC3\xA4' # c\nl = [1,\n 22]\n");
  EXPECT_EQ(PlaceOf(Find(root, "schema")->origin), "1:10+1");
  const Node& a = *Find(root, "a");
  EXPECT_EQ(PlaceOf(a.origin), "2:1+3");
  EXPECT_EQ(PlaceOf(a.As<Table>()->members[0].origin), "3:1+3");
  EXPECT_EQ(PlaceOf(Find(a, "\xC3\xA4")->origin), "3:7+4");
  EXPECT_EQ(PlaceOf(Find(a, "l")->origin), "4:5+1");
  EXPECT_EQ(PlaceOf(Find(a, "l")->As<Array>()->at(1).origin), "5:2+2");
}

TEST(TomlReader, ATableThatIsNamedLaterStandsWhereItIsNamed) {
  Node root = Parsed("[a.b]\n[a]\nx = 1\n");
  EXPECT_EQ(PlaceOf(Find(root, "a")->origin), "2:1+3");
}

TEST(TomlReader, PutsStringsTogether) {
  Node root = Parsed(
      "a = \"\\t\\u00e4\\U0001F512\\\\\"\nb = '''\nx'y''z'''''\nc = \"\"\"a\\\n\n   "
      "b\r\nc\"\"\"\n");
  EXPECT_EQ(*Find(root, "a")->As<std::string>(), "\t\xC3\xA4\xF0\x9F\x94\x92\\");
  EXPECT_EQ(*Find(root, "b")->As<std::string>(), "x'y''z''");
  EXPECT_EQ(*Find(root, "c")->As<std::string>(), "ab\nc");
}

TEST(TomlReader, ReadsWholeNumbersToTheirEnds) {
  Node root =
      Parsed("a = 9223372036854775807\nb = -9_223_372_036_854_775_808\nc = 0xff\nd = 0b1_1\n");
  EXPECT_EQ(*Find(root, "a")->As<std::int64_t>(), INT64_MAX);
  EXPECT_EQ(*Find(root, "b")->As<std::int64_t>(), INT64_MIN);
  EXPECT_EQ(*Find(root, "c")->As<std::int64_t>(), 255);
  EXPECT_EQ(*Find(root, "d")->As<std::int64_t>(), 3);
  EXPECT_EQ(FaultOf("a = 9223372036854775808\n"),
            "1:5 \"9223372036854775808\" is no number, date or time");
}

}  // namespace
}  // namespace bulkhead::vmspec
