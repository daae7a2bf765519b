// SPDX-License-Identifier: GPL-2.0-or-later
/// What every command prints, for people and as JSON, against tests/unit/cli/golden/.
/// BULKHEAD_UPDATE_GOLDEN=1 writes the files anew; read the difference before committing it.
#include <gmock/gmock.h>

#include <algorithm>

#include "hostd/cli/json.h"
#include "tests/unit/cli/cli_fixture.h"

namespace bulkhead::cli {
namespace {

struct Case {
  std::string name;
  std::vector<std::string> words;
  bool json = true;  ///< has a JSON form
};

std::vector<Case> Cases() {
  return {
      {"list", {"list"}},
      {"status", {"status"}},
      {"status-low", {"status", "low"}},
      {"start", {"start", "--no-wait", "low", "high"}, false},
      {"stop", {"stop", "--no-wait", "low"}, false},
      {"restart", {"restart", "--no-wait", "low"}, false},
      {"run", {"run", "low", "--", "uname", "-a"}},
      {"device-list", {"device", "list"}},
      {"device-lend", {"device", "lend", "loop0", "high", "--write"}},
      {"device-take-back", {"device", "take-back", "loop0"}},
      {"flow-list", {"flow", "list"}},
      {"net-status", {"net", "status"}},
      {"net-status-high", {"net", "status", "high"}},
      {"audit-tail", {"audit", "tail"}},
      {"audit-verify", {"audit", "verify"}},
      {"spec-show", {"spec", "show"}},
      {"spec-show-level", {"spec", "show", "--level", "low"}, false},
      {"spec-show-files", {"spec", "show", "--files"}, false},
      {"spec-graph", {"spec", "graph"}},
      {"spec-graph-dot", {"spec", "graph", "--dot"}, false},
      {"spec-schema", {"spec", "schema", "networks"}, false},
      {"spec-check", {"spec", "check", BULKHEAD_SOURCE_ROOT "/vmspec/examples/two-levels"}},
      {"spec-lower", {"spec", "lower", "low", BULKHEAD_SOURCE_ROOT "/vmspec/examples/two-levels"}},
      {"spec-apply", {"spec", "apply", BULKHEAD_SOURCE_ROOT "/vmspec/examples/two-levels"}},
      {"spec-explain",
       {"spec", "explain", "low", "high", BULKHEAD_SOURCE_ROOT "/vmspec/examples/two-levels"}},
      {"spec-risks", {"spec", "risks", BULKHEAD_SOURCE_ROOT "/vmspec/examples/two-levels"}},
      {"spec-history", {"spec", "history"}},
      {"spec-rollback", {"spec", "rollback", "8"}},
      {"spec-approve", {"spec", "approve", BULKHEAD_SOURCE_ROOT "/vmspec/examples/two-levels"}},
      {"spec-approvals", {"spec", "approvals"}},
      {"version", {"version"}},
      {"help", {"help"}, false},
      {"help-run", {"help", "run"}, false},
      {"help-device", {"help", "device"}, false}};
}

class GoldenTest : public CliTest {
 protected:
  void SetUp() override {
    CliTest::SetUp();
    if (IsSkipped()) return;
    auto world = Fake().world();
    world->run = {0, "Linux low\n", "a warning\n"};
    world->spec =
        R"({'host.toml': 'schema = 2\n', 'levels/low.toml': 'schema = 2\ntitle = "Low"\n)"
        R"(label = { rank = 0 }\nimage = "minimal"\n[network]\nuplink = "office"\n)"
        R"(allow = [{ to = "192.0.2.1", tcp = 443, comment = "mail" }]\n',)"
        R"('levels/high.toml': 'schema = 2\nlabel = { rank = 2, compartments = ["hq"] }\n)"
        R"(image = "minimal"\n[devices]\nstorage = "manual"\n',)"
        R"('networks.toml': 'schema = 2\n[uplink.office]\nkind = "nat"\ninterface = "eth0"\n)"
        R"(label = { rank = 0 }\n', 'devices.toml': 'schema = 2\n[[rule]]\naction = "deny"\n)"
        R"(level = "low"\nclass = "storage"\ncomment = "none"\n',)"
        R"('flows.toml': 'schema = 2\n[flow.up]\nfrom = "low"\nto = "high"\nkind = "transfer"\n'})";
    world->approvals = {{{"flow", "'down'"},
                         {"from", "'high'"},
                         {"to", "'low'"},
                         {"reason", "'press releases'"},
                         {"actor", "'uid:1001'"},
                         {"roles", "['security']"},
                         {"sha256", "'0123456789abcdef0123'"}}};
    world->history = {{{"version", "uint32 9"},
                       {"actor", "'uid:0'"},
                       {"comment", "'back to what worked'"},
                       {"sha256", "'0123456789abcdef0123'"},
                       {"files", "uint32 4"},
                       {"rollback-of", "uint32 8"},
                       {"present", "true"}},
                      {{"version", "uint32 8"}, {"damage", "'it is cut off'"}}};
    world->audit_lines =
        R"(['{"seq":1,"time":"2026-11-24T03:45:00.123456Z","prev":"00","actor":"uid:0",)"
        R"("action":"level.start","subject":"low","outcome":"allowed","detail":{"step":"spec"},)"
        R"("hash":"11"}', 'torn'])";
    world->audit_verdict =
        "{'ok': <true>, 'records': <uint64 12>, 'bad-line': <uint64 0>, 'reason': <''>,"
        " 'torn-tail': <true>, 'last-hash': <'ab12'>}";
  }
};

TEST_F(GoldenTest, EveryCommandPrintsItsTable) {
  for (const Case& c : Cases()) {
    Outcome outcome = Cli(c.words);
    EXPECT_EQ(0, outcome.code) << c.name << ": " << outcome.err;
    EXPECT_EQ(Golden(c.name + ".txt", outcome.out), outcome.out) << c.name;
  }
}

TEST_F(GoldenTest, EveryCommandPrintsItsJson) {
  for (const Case& c : Cases()) {
    if (!c.json) continue;
    std::vector<std::string> words = c.words;
    words.insert(words.begin(), "--json");
    Outcome outcome = Cli(words);
    EXPECT_EQ(0, outcome.code) << c.name << ": " << outcome.err;
    EXPECT_EQ(Golden(c.name + ".json", outcome.out), outcome.out) << c.name;
    EXPECT_TRUE(ParseJson(outcome.out)) << c.name;
  }
}

TEST_F(GoldenTest, EveryCommandIsCovered) {
  // These have tests of their own: their output depends on the clock, the machine, a terminal or
  // files.
  const std::vector<std::string> elsewhere = {"console",   "doctor",      "events",
                                              "spec diff", "spec format", "spec new"};
  std::vector<std::string> covered = elsewhere;
  for (const Case& c : Cases()) {
    covered.push_back(c.words[0]);
    if (c.words.size() > 1) covered.push_back(c.words[0] + " " + c.words[1]);
  }
  for (const Command& command : Commands()) {
    EXPECT_NE(covered.end(), std::ranges::find(covered, command.name)) << command.name;
  }
}

TEST_F(GoldenTest, TableFitsTheTerminalAndIsColoured) {
  Outcome outcome = Cli({"status"}, [](Surroundings& around) {
    around.width = 60;
    around.colour = true;
  });
  EXPECT_EQ(Golden("status-terminal.txt", outcome.out), outcome.out);
}

TEST_F(GoldenTest, StatusSaysWhatMustNotBeOverlooked) {
  {
    auto world = Fake().world();
    world->acceleration = "tcg";
    world->acceleration_reason =
        "KVM opens but does not run a guest here: TCG, slower and not safe";
    world->services = "{'netd': 'does not answer', 'super': 'ok'}";
    world->levels["low"]["state"] = "'failed'";
    world->levels["low"]["step"] = "'network'";
    world->levels["low"]["reason"] = "'netd does not answer: see its log'";
    world->levels["high"]["state"] = "'starting'";
    world->levels["high"]["step"] = "'boot'";
  }
  Outcome outcome = Cli({"status"});
  EXPECT_EQ(0, outcome.code);
  EXPECT_EQ(Golden("status-trouble.txt", outcome.out), outcome.out);
}

TEST_F(GoldenTest, StatusSaysWhatNeedsARestart) {
  Fake().world()->levels["high"]["restart-needed"] = "['memory', 'flow up']";
  EXPECT_THAT(Cli({"status"}).out, testing::HasSubstr("\nhigh: restart needed: memory, flow up\n"));
  EXPECT_THAT(Cli({"status", "high"}).out, testing::HasSubstr("restart for    memory, flow up\n"));
}

TEST_F(GoldenTest, StatusSaysWhyNoLevelCanStart) {
  Fake().world()->acceleration = "none";
  Fake().world()->acceleration_reason = "no /dev/kvm; set allow-tcg = true in host.toml";
  EXPECT_THAT(
      Cli({"status"}).out,
      testing::EndsWith("\nacceleration: no /dev/kvm; set allow-tcg = true in host.toml\n"));
}

TEST_F(GoldenTest, NothingDefinedSaysWhatToDo) {
  Fake().world()->levels.clear();
  EXPECT_EQ("No level is defined: bulkhead spec apply DIR\n", Cli({"status"}).out);
  Fake().world()->spec = "@a{ss} {}";
  EXPECT_EQ("No spec set is applied: bulkhead spec apply DIR\n", Cli({"spec", "show"}).out);
}

}  // namespace
}  // namespace bulkhead::cli
