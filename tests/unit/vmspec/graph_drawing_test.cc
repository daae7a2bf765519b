// SPDX-License-Identifier: GPL-2.0-or-later
/// The picture of the flow graph (X2).
#include "vmspec/graph_drawing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "tests/unit/vmspec/random_sets.h"
#include "vmspec/base/sanitize.h"

namespace bulkhead::vmspec {
namespace {

using testing::HasSubstr;
using testing::Not;

std::vector<std::string> Lines(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> out;
  for (std::string line; std::getline(in, line);) out.push_back(line);
  return out;
}

SetMaker ThreeLevels() {
  SetMaker set;
  set.AddLevel("public", 0);
  set.AddLevel("office", 1);
  set.AddLevel("secret", 2);
  set.AddFlow(FlowKind::kTransfer, "public", "office");
  set.AddFlow(FlowKind::kTransfer, "public", "secret");
  return set;
}

TEST(GraphDrawing, HasALaneForEachArrowFromItsStartToItsHead) {
  EXPECT_EQ(TextOf(Draw(ThreeLevels().spec), 100).value_or("does not fit"),
            "LABEL  NODE\n"
            "2      secret  ▲\n"
            "1      office  │ ▲\n"
            "0      public  o o\n");
}

TEST(GraphDrawing, DrawsSealedAndDeclassifiedArrowsApart) {
  SetMaker set = ThreeLevels();
  set.AddKey("k");
  set.AddSealed("secret", "public", "k");
  set.AddFlow(FlowKind::kDowngrade, "secret", "public").reason = "r";
  Drawing drawing = Draw(set.spec);
  std::string text = TextOf(drawing, 100).value_or("");
  EXPECT_THAT(text, HasSubstr("┊"));
  EXPECT_THAT(text, HasSubstr("║"));
  std::string dot = DotOf(drawing);
  EXPECT_THAT(dot, HasSubstr("style=dashed"));
  EXPECT_THAT(dot, HasSubstr("style=bold"));
  EXPECT_THAT(dot, HasSubstr("only ciphertext"));
  EXPECT_THAT(DotOf(Draw(ThreeLevels().spec)), Not(HasSubstr("only ciphertext")));
}

TEST(GraphDrawing, MakesOneArrowOfAllFlowsBetweenTwoLevelsAndBothWaysOfAConnection) {
  SetMaker set = ThreeLevels();
  set.AddFlow(FlowKind::kTransfer, "public", "office");
  set.AddUplink("net", 0, "eth0");
  set.Attach("public", "net", true);
  Drawing drawing = Draw(set.spec);
  ASSERT_EQ(drawing.arrows.size(), 3U);
  EXPECT_TRUE(std::ranges::any_of(drawing.arrows, [](const Arrow& a) {
    return a.names == std::vector<std::string>{"flow f0", "flow f2"} && !a.both_ways;
  }));
  EXPECT_TRUE(std::ranges::any_of(drawing.arrows, [](const Arrow& a) { return a.both_ways; }));
}

TEST(GraphDrawing, OfManyLevelsOrInLittleRoomIsLeftToTheTable) {
  SetMaker set;
  for (int i = 0; i < 21; ++i) set.AddLevel("l" + std::to_string(i), i);
  EXPECT_FALSE(TextOf(Draw(set.spec), 100));
  EXPECT_FALSE(TextOf(Draw(ThreeLevels().spec), 12));
}

/// No line is wider than 100 columns, and each arrow of the drawing ends in a head.
TEST(GraphDrawing, OfRandomSetsFitsAndLosesNoArrow) {
  int drawn = 0;
  for (std::uint32_t seed = 0; seed < 200; ++seed) {
    Drawing drawing = Draw(RandomSet(seed).spec());
    auto text = TextOf(drawing, 100);
    if (!text) continue;
    ++drawn;
    std::size_t heads = 0;
    for (std::size_t at = 0; (at = text->find("\xE2\x96", at)) != text->npos; ++at) ++heads;
    std::size_t expected = 0;
    for (const Arrow& arrow : drawing.arrows) expected += arrow.both_ways ? 2 : 1;
    EXPECT_EQ(heads, expected) << *text;
    EXPECT_EQ(Lines(*text).size(), drawing.nodes.size() + 1);
    for (const std::string& line : Lines(*text))
      EXPECT_TRUE(IsPrintable(line) && line.size() < 300);
  }
  EXPECT_GT(drawn, 150);
}

TEST(GraphDrawing, CannotBeEscapedFromByATitle) {
  SetMaker set = ThreeLevels();
  set.spec.levels.at("public").title = "\"]; evil [label=\"\\N &lt;x&gt; \x1b[31m";
  set.spec.levels.at("public").colour = "red\", href=\"javascript:x";
  std::string dot = DotOf(Draw(set.spec));
  EXPECT_THAT(dot, HasSubstr(R"(\"]; evil [label=\")"));
  EXPECT_THAT(dot, HasSubstr(R"(&amp;lt;x&amp;gt;)"));
  EXPECT_THAT(dot, Not(HasSubstr("javascript")));
  EXPECT_THAT(dot, Not(HasSubstr("\x1b")));
  // Every quote outside of an escape pairs off within its line.
  for (const std::string& line : Lines(dot)) {
    int quotes = 0;
    for (std::size_t i = 0; i < line.size(); ++i) {
      if (line[i] == '\\')
        ++i;
      else if (line[i] == '"')
        ++quotes;
    }
    EXPECT_EQ(quotes % 2, 0) << line;
  }
}

}  // namespace
}  // namespace bulkhead::vmspec
