// SPDX-License-Identifier: GPL-2.0-or-later
/// Bombs: each is refused in a moment, with bounded memory and stack.
#include <gtest/gtest.h>

#include <ctime>
#include <functional>

#include "tests/unit/vmspec/spec_sets.h"

namespace bulkhead::vmspec {
namespace {

std::string Repeated(std::size_t n, const std::string& text) {
  std::string out;
  out.reserve(n * text.size());
  for (std::size_t i = 0; i < n; ++i) out += text;
  return out;
}

/// Processor time of this process in seconds: what other programs do meanwhile does not count.
double CpuSeconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

#if defined(__SANITIZE_ADDRESS__)
constexpr double kBoundSeconds = 60;
#else
constexpr double kBoundSeconds = 20;
#endif

/// Codes of flows.toml with this content; fails when that takes a bomb's time.
std::string CodesOf(const std::string& flows) {
  SpecFiles files = SoundSet();
  files["flows.toml"] = flows;
  double begin = CpuSeconds();
  std::string told = Explain(files);
  std::string codes = Codes(files);
  EXPECT_LT(CpuSeconds() - begin, kBoundSeconds);
  return codes.substr(0, codes.find(';'));
}

constexpr std::size_t kFourMiB = 4UL << 20;

TEST(Hostile, CannotNestListsToTheEndOfTheStack) {
  EXPECT_EQ(CodesOf("a = " + Repeated(60'000, "[")), "B0004 flows.toml:1:21");
  EXPECT_EQ(CodesOf("a = " + Repeated(kFourMiB - 4, "[")), "B0004 flows.toml:1:21");
  EXPECT_EQ(CodesOf("a = " + Repeated(40'000, "{a=")), "B0004 flows.toml:1:53");
  EXPECT_EQ(CodesOf("a = " + Repeated(16, "[") + Repeated(16, "]")), "B0101 flows.toml:1:1");
}

TEST(Hostile, CannotNestKeysToTheEndOfTheStack) {
  EXPECT_EQ(CodesOf(Repeated(kFourMiB / 2 - 8, "a.") + "a = 1"), "B0004 flows.toml:1:33");
  EXPECT_EQ(CodesOf("[" + Repeated(1'000'000, "a.") + "a]"), "B0004 flows.toml:1:34");
  EXPECT_EQ(CodesOf("[[" + Repeated(15, "a.") + "a]]").substr(0, 5), "B0004");
  EXPECT_EQ(CodesOf(Repeated(4, "[[a]]\n[[a.b]]\n") + "[[a.b.c.d.e.f.g.h.i.j.k.l.m.n]]"),
            "B0004 flows.toml:9:29");
  std::string deep;
  for (int i = 0; i < 7; ++i) deep += "a.a.a = [\n{";
  EXPECT_EQ(CodesOf(deep + "x = 1" + Repeated(7, "}]")).substr(0, 5), "B0004");
}

TEST(Hostile, CannotHideDotsInQuotedKeysOrComments) {
  EXPECT_EQ(CodesOf(Repeated(1000, "\"=\".'#'.") + "a = 1"), "B0004 flows.toml:1:65");
  EXPECT_EQ(CodesOf("x = '''\n# ''' \n" + Repeated(300, "a.") + "a = 1"), "B0004 flows.toml:3:33");
  EXPECT_EQ(CodesOf("x = \"\"\"\\\"\"\"\"\"\"\n" + Repeated(300, "a.") + "a = 1"),
            "B0004 flows.toml:2:33");
}

TEST(Hostile, CannotBeLong) {
  EXPECT_EQ(CodesOf("#" + std::string(kFourMiB, 'x')), "B0003 flows.toml:1:1");
  EXPECT_EQ(CodesOf("schema = 1 #" + std::string(kFourMiB - 12, 'x')), "");
}

TEST(Hostile, EndlesslyManyQuotesTakeBoundedTime) {
  for (const char* text : {"\"", "'", "\"\n", "\\", "\"\\", "\"\"\"\\\n", "\x27\x27\x27\x27z"}) {
    EXPECT_EQ(CodesOf("a=" + Repeated(600'000, text)).substr(0, 5), "B0001") << text;
  }
}

TEST(Hostile, CannotHaveEndlesslyManyKeys) {
  std::string keys;
  for (int i = 0; i < 300'000; ++i) keys += "k" + std::to_string(i) + "=1\n";
  EXPECT_EQ(CodesOf(keys), "B0003 flows.toml:65537:7");
}

TEST(Hostile, ManyDottedTablesTakeBoundedTime) {
  std::string keys;
  for (int i = 0; i < 32'000; ++i) keys += "k" + std::to_string(i) + ".a=1\n";
  for (int i = 0; i < 32'000; ++i) keys += "k" + std::to_string(i) + ".b=1\n";
  EXPECT_EQ(CodesOf(keys).substr(0, 5), "B0101");
}

TEST(Hostile, CannotMakeAThousandAndOneDiagnostics) {
  std::string keys = "schema = 1\n";
  for (int i = 0; i < 60'000; ++i) keys += "k" + std::to_string(i) + "=1\n";
  SpecFiles files = SoundSet();
  files["flows.toml"] = keys;
  CheckedSpec checked = CheckSpec(files);
  ASSERT_EQ(checked.diagnostics.size(), 1001U);
  EXPECT_EQ(checked.diagnostics.back().code, "B0099");
  EXPECT_EQ(checked.diagnostics.back().message, "too many faults: 59000 more are not shown");
  EXPECT_FALSE(checked.ok());
  EXPECT_LT(FormatDiagnostics(files, checked, false).size(), 1UL << 20);
}

TEST(Hostile, CannotBeASetOfEndlesslyManyFiles) {
  SpecFiles files;
  for (int i = 0; i < 4097; ++i) files["levels/l" + std::to_string(i) + ".toml"] = "";
  EXPECT_EQ(Codes(files), "B0003 :0:0");
  EXPECT_FALSE(CheckSpec(files).ok());
  files.clear();
  for (int i = 0; i < 5; ++i) {
    files["levels/l" + std::to_string(i) + ".toml"] = "#" + std::string(kFourMiB - 1, 'x');
  }
  EXPECT_EQ(Codes(files), "B0003 :0:0");
}

TEST(Hostile, CannotMakeASetWithoutEndOfSmallFilesAndLargeTemplates) {
  std::string rules = Repeated(1000, "{ to = '10.0.0.1' },");
  SpecFiles files = SoundSet();
  files["templates/t0.toml"] = "schema = 2\nlabel = { rank = 0 }\nimage = 'minimal'\n";
  for (int i = 1; i < 12; ++i) {
    files["templates/t" + std::to_string(i) + ".toml"] =
        "schema = 2\nextends = 't" + std::to_string(i - 1) + "'\nnetwork.allow = [" + rules + "]\n";
  }
  for (int i = 0; i < 2000; ++i) {
    files["levels/l" + std::to_string(i) + ".toml"] = "schema = 2\nextends = 't11'\n";
  }
  double begin = CpuSeconds();
  CheckedSpec checked = CheckSpec(files);
  EXPECT_LT(CpuSeconds() - begin, kBoundSeconds / 4);
  int told = 0;
  for (const Diagnostic& d : checked.diagnostics) {
    told += d.message.starts_with("templates make more than") ? 1 : 0;
  }
  EXPECT_EQ(told, 1);
  EXPECT_FALSE(checked.ok());
}

TEST(Hostile, CannotHoldNulControlOrInvalidBytes) {
  using namespace std::string_literals;
  for (const std::string& text :
       {"schema = 1\0"s, "schema = 1\n\0\n"s, "[\0]\n"s, "a = \"\0\"\n"s, "a = '\x01'\n"s,
        "a = \"\x1b[0m\"\n"s, "# \x80\n"s, "a = \"\xc0\xaf\"\n"s, "a = \"\xed\xa0\x80\"\n"s,
        "a = \"\xf4\x90\x80\x80\"\n"s, "\xff\xfe"s, "a = 1\rb = 2\n"s, "[!]\n"s, "[\x80]\n"s}) {
    std::string codes = CodesOf(text);
    EXPECT_EQ(codes.substr(0, 5), "B0001") << testing::PrintToString(text);
  }
}

TEST(Hostile, CannotBringUnicodeWhereTomlKnowsNone) {
  EXPECT_EQ(CodesOf("schema = 1\n\u00c4 = 1\n"), "B0001 flows.toml:2:1");
  EXPECT_EQ(CodesOf("schema = 1 \u00c4\n"), "B0001 flows.toml:1:12");
  EXPECT_EQ(CodesOf("[\u00c4]\n"), "B0001 flows.toml:1:2");
  EXPECT_EQ(CodesOf("a = [\u2c01]\n"), "B0001 flows.toml:1:6");
  EXPECT_EQ(CodesOf("a = 0\"\u00c4\n").substr(0, 5), "B0001");
  EXPECT_EQ(CodesOf("schema = 1\na = \"\"\"x\\\n \u00c4\"\"\"\n"), "B0102 flows.toml:2:1");
  EXPECT_EQ(CodesOf("schema = 1\n\"\u00c4\" = '\u00c4\\'\n"), "B0102 flows.toml:2:1");
  EXPECT_EQ(CodesOf("\uFEFFschema = 1 # \u00c4 \u2c01\n"), "");
}

TEST(Hostile, ManyDotsInStringsAndCommentsAreNothingSpecial) {
  EXPECT_EQ(CodesOf("schema = 1 # " + Repeated(500, ". ")), "");
  SpecFiles files = Changed("levels/low.toml", "{ to = \"192.0.2.1\", tcp = 443 }",
                            Repeated(300, "{ to = \"192.0.2.1\" }, "));
  EXPECT_EQ(Codes(files), "");
}

TEST(Hostile, CannotHoldEndlesslyManyElements) {
  EXPECT_EQ(CodesOf("a = [" + Repeated(1'000'000, "1,") + "]").substr(0, 5), "B0003");
  EXPECT_EQ(CodesOf("a = [" + Repeated(1'000'000, "{},") + "]").substr(0, 5), "B0003");
}

TEST(Hostile, AHeaderWithoutANameIsShownWhereItShouldStand) {
  EXPECT_EQ(CodesOf("schema = 1\n[flow.a]\n\n[!x]\nfrom = 1\n"), "B0001 flows.toml:4:2");
}

TEST(Hostile, CannotNameAFileOutsideTheSet) {
  for (const char* path : {"../host.toml", "levels/../host.toml", "levels/a/b.toml", "/etc/passwd",
                           "levels/..toml", "levels/.toml", "levels/", "", "HOST.TOML"}) {
    SpecFiles files = SoundSet();
    files[path] = "schema = 1\n";
    std::string codes = Codes(files).substr(0, 5);
    EXPECT_TRUE(codes == "B0002" || codes == "B0005") << path << " " << codes;
  }
}

}  // namespace
}  // namespace bulkhead::vmspec
