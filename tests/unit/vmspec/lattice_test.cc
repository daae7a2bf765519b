// SPDX-License-Identifier: GPL-2.0-or-later
/// I6: no spec set that lets information flow against the lattice can be applied.
#include <gtest/gtest.h>

#include "tests/unit/vmspec/spec_sets.h"

namespace bulkhead::vmspec {
namespace {

std::string LevelText(const std::string& label, const std::string& storage = "") {
  return "schema = 1\nimage = \"minimal\"\nlabel = " + label + "\n" +
         (storage.empty() ? "" : "[devices]\nstorage = " + storage + "\n");
}

SpecFiles TwoLevels(const std::string& a, const std::string& b) {
  return {{"levels/a.toml", a}, {"levels/b.toml", b}};
}

SpecFiles WithFlow(const std::string& from_label, const std::string& to_label) {
  SpecFiles files = TwoLevels(LevelText(from_label), LevelText(to_label));
  files["flows.toml"] = "schema = 1\n[flow.f]\nfrom = \"a\"\nto = \"b\"\nkind = \"transfer\"\n";
  return files;
}

TEST(Lattice, AFlowMayLeadToALevelThatDominates) {
  EXPECT_EQ(Codes(WithFlow("{ rank = 0 }", "{ rank = 2 }")), "");
  EXPECT_EQ(Codes(WithFlow("{ rank = 1 }", "{ rank = 1 }")), "");
  EXPECT_EQ(Codes(WithFlow("{ rank = 0, compartments = [\"hq\"] }",
                           "{ rank = 0, compartments = [\"crypto\", \"hq\"] }")),
            "");
}

TEST(Lattice, CannotFlowDown) {
  SpecFiles files = WithFlow("{ rank = 2 }", "{ rank = 0 }");
  EXPECT_FALSE(CheckSpec(files).ok());
  EXPECT_EQ(Explain(files),
            R"(error[B0301]: information can flow from "a" (rank 2) to "b" (rank 0) in clear
  --> flows.toml:2:1
   |
 2 | [flow.f]
   | ^^^^^^^^ the label of "b" does not dominate that of "a"
   |
   = help: a transfer leads to a level that dominates: give "b" at least rank 2, or turn the flow round

1 error, 0 warnings in 3 files (2 levels, 1 flow). Nothing was applied.
)");
}

TEST(Lattice, CannotFlowOutOfACompartment) {
  SpecFiles files = WithFlow("{ rank = 0, compartments = [\"hq\", \"crypto\"] }", "{ rank = 9 }");
  std::string told = Explain(files);
  EXPECT_NE(told.find("from \"a\" (rank 0 {crypto,hq}) to \"b\" (rank 9) in clear"), told.npos);
  EXPECT_NE(told.find("give \"b\" the compartments \"crypto\" and \"hq\"\n"), told.npos) << told;
}

TEST(Lattice, CannotFlowBetweenIncomparableLevelsInEitherDirection) {
  const char* hq = "{ rank = 1, compartments = [\"hq\"] }";
  const char* site = "{ rank = 2, compartments = [\"site\"] }";
  EXPECT_EQ(Codes(WithFlow(hq, site)), "B0301 flows.toml:2:1");
  EXPECT_EQ(Codes(WithFlow(site, hq)), "B0301 flows.toml:2:1");
}

TEST(Lattice, CannotHideADownwardFlowBehindAnUpwardOne) {
  SpecFiles files = Added("flows.toml", R"([flow.also-up]
from = "low"
to = "high"
kind = "transfer"
[flow.down]
from = "high"
to = "low"
kind = "transfer"
)");
  EXPECT_EQ(Codes(files), "B0301 flows.toml:10:1");
}

TEST(Lattice, TwoFlowsWithTheSameEndsAreAllowed) {
  EXPECT_EQ(Codes(Added("flows.toml",
                        "[flow.up2]\nfrom = \"low\"\nto = \"high\"\nkind = \"transfer\"\n")),
            "");
}

/// Every pair of small labels: the checker says no exactly where the lattice does.
TEST(Lattice, CannotBeFooledByAnyPairOfLabels) {
  const char* compartments[] = {"", "\"hq\"", "\"site\"", "\"hq\", \"site\""};
  for (int i = 0; i < 12 * 12; ++i) {
    auto label = [&](int n) {
      return "{ rank = " + std::to_string(n / 4) + ", compartments = [" + compartments[n % 4] +
             "] }";
    };
    SpecFiles files = WithFlow(label(i / 12), label(i % 12));
    CheckedSpec checked = CheckSpec(files);
    const SpecSet& spec = checked.spec;
    EXPECT_EQ(checked.ok(), spec.levels.at("b").label.Dominates(spec.levels.at("a").label))
        << label(i / 12) << " -> " << label(i % 12);
  }
}

SpecFiles WithUplink(const std::string& level, const std::string& uplink) {
  SpecFiles files = SoundSet();
  files.erase("flows.toml");
  files["networks.toml"] =
      "schema = 1\n[uplink.office]\nkind = \"nat\"\ninterface = \"eth0\"\n"
      "label = " +
      uplink + "\n";
  std::string& low = files["levels/low.toml"];
  low.replace(low.find("{ rank = 0 }"), 12, level);
  return files;
}

TEST(Lattice, ALevelMayUseAnUplinkOfItsOwnLabel) {
  EXPECT_EQ(Codes(WithUplink("{ rank = 3, compartments = [\"hq\"] }",
                             "{ rank = 3, compartments = [\"hq\"] }")),
            "");
}

TEST(Lattice, CannotLeaveByALowerUplink) {
  EXPECT_EQ(Codes(WithUplink("{ rank = 1 }", "{ rank = 0 }")), "B0303 levels/low.toml:6:10");
}

TEST(Lattice, CannotBringInFromAHigherUplink) {
  EXPECT_EQ(Codes(WithUplink("{ rank = 0 }", "{ rank = 1 }")), "B0304 levels/low.toml:6:10");
}

TEST(Lattice, CannotUseAnIncomparableUplinkEitherWay) {
  EXPECT_EQ(Codes(WithUplink("{ rank = 1 }", "{ rank = 0, compartments = [\"hq\"] }")),
            "B0303 levels/low.toml:6:10; B0304 levels/low.toml:6:10");
}

TEST(Lattice, AnUplinkWithoutAllowRulesCarriesNothing) {
  SpecFiles files = WithUplink("{ rank = 1 }", "{ rank = 0 }");
  std::string& low = files["levels/low.toml"];
  low.erase(low.find("allow = "));
  EXPECT_EQ(Codes(files), "");
}

TEST(Lattice, CannotMakeOneNetworkTwoByNamingItTwice) {
  SpecFiles files = Added("networks.toml",
                          "[uplink.secret]\nkind = \"nat\"\ninterface = \"eth0\"\n"
                          "label = { rank = 2 }\n");
  EXPECT_EQ(Codes(files), "B0205 networks.toml:6:1");
}

TEST(Lattice, AHigherLevelMayReadWhatALowerOneWrote) {
  EXPECT_EQ(Codes(TwoLevels(LevelText("{ rank = 0 }", "{ mode = \"manual\", write = true }"),
                            LevelText("{ rank = 2 }", "\"manual\""))),
            "");
}

TEST(Lattice, CannotCarryInformationDownOnAMedium) {
  SpecFiles files = TwoLevels(LevelText("{ rank = 0 }", "\"automatic\""),
                              LevelText("{ rank = 2 }", "{ mode = \"manual\", write = true }"));
  EXPECT_EQ(Explain(files),
            R"(error[B0302]: information can flow from "b" (rank 2) to "a" (rank 0) in clear
  --> levels/b.toml:5:11
   |
 5 | storage = { mode = "manual", write = true }
   |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ "b" may write a medium
   |
   = 1: levels/b.toml:5: "b" may write any removable medium
   = 2: levels/a.toml:5: "a" may read any removable medium
   = help: "a" may read it afterwards (levels/a.toml:5): make media read-only in "b" (write = false), or lend none to "a"

1 error, 0 warnings in 2 files (2 levels, 0 flows). Nothing was applied.
)");
}

TEST(Lattice, CannotWriteMediaAtTwoLabels) {
  EXPECT_EQ(Codes(TwoLevels(LevelText("{ rank = 0 }", "{ mode = \"manual\", write = true }"),
                            LevelText("{ rank = 2 }", "{ mode = \"manual\", write = true }"))),
            "B0302 levels/b.toml:5:11");
  EXPECT_EQ(Codes(TwoLevels(LevelText("{ rank = 0, compartments = [\"hq\"] }",
                                      "{ mode = \"manual\", write = true }"),
                            LevelText("{ rank = 2 }", "{ mode = \"manual\", write = true }"))),
            "B0302 levels/a.toml:5:11; B0302 levels/b.toml:5:11");
}

TEST(Lattice, LevelsOfOneLabelMayShareMedia) {
  EXPECT_EQ(Codes(TwoLevels(LevelText("{ rank = 2 }", "{ mode = \"manual\", write = true }"),
                            LevelText("{ rank = 2 }", "{ mode = \"manual\", write = true }"))),
            "");
}

TEST(Lattice, ALevelThatIsDeniedAllStorageReadsNoMedium) {
  SpecFiles files = TwoLevels(LevelText("{ rank = 0 }", "\"manual\""),
                              LevelText("{ rank = 2 }", "{ mode = \"manual\", write = true }"));
  files["devices.toml"] =
      "schema = 1\n[[rule]]\naction = \"deny\"\nlevel = \"a\"\nclass = \"storage\"\n";
  EXPECT_EQ(Codes(files), "");
}

TEST(Lattice, CannotExcuseAMediumByDenyingSomeDevicesOnly) {
  for (const char* limit : {"path = \"/dev/sd*\"", "serial = \"1\""}) {
    SpecFiles files = TwoLevels(LevelText("{ rank = 0 }", "\"manual\""),
                                LevelText("{ rank = 2 }", "{ mode = \"manual\", write = true }"));
    files["devices.toml"] =
        "schema = 1\n[[rule]]\naction = \"deny\"\nlevel = \"a\"\nclass = \"storage\"\n" +
        std::string(limit) + "\n";
    EXPECT_EQ(Codes(files), "B0302 levels/b.toml:5:11") << limit;
  }
}

}  // namespace
}  // namespace bulkhead::vmspec
