// SPDX-License-Identifier: GPL-2.0-or-later
/// The sink against the real nf_tables.
#include <sched.h>
#include <sys/wait.h>

#include <algorithm>
#include <atomic>
#include <numeric>
#include <thread>

#include "netpolicy/nft_sink.h"
#include "netpolicy/ruleset_compiler.h"
#include "netpolicy/ruleset_text.h"
#include "netpolicy/tap.h"
#include "tests/unit/netpolicy/net_lab.h"

namespace bulkhead::netpolicy {
namespace {

using namespace std::chrono_literals;
constexpr std::chrono::milliseconds kDeadline = 5s;

class Sink : public NetLab {
 protected:
  void SetUp() override {
    NetLab::SetUp();
    if (IsSkipped()) return;
    sink_ = std::make_unique<NftSink>(NftSink::Open().value());
    // A chain at the ingress hook needs its device.
    for (const char* tap : {"bh-low", "bh-high"}) ASSERT_TRUE(CreateTap(tap, 0, 0));
  }
  void TearDown() override {
    sink_.reset();
    NetLab::TearDown();
  }
  Generation Now() { return sink_->CurrentGeneration().value(); }
  Result<Generation> Put(const LevelPolicy& policy) {
    return sink_->PutLevel(CompileRules(policy), Now(), kDeadline);
  }
  bool IsWhole(const std::string& level) {
    auto levels = sink_->ReadLevels(kDeadline).value();
    return levels.contains(level) && levels[level].complete;
  }

  std::unique_ptr<NftSink> sink_;
};

std::string Listing() { return OutputOf({"nft", "-s", "list", "ruleset"}); }

/// Sorted: the order of chains, and of elements in a hash, says nothing.
std::string Lines() {
  std::string text = Listing();
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = std::min(text.find('\n', at), text.size());
    std::string line = text.substr(at, end - at);
    if (auto list = line.find("elements = {"); list != std::string::npos) line.erase(0, list + 12);
    std::erase_if(line, [](char c) { return c == ',' || c == '\t' || c == ' ' || c == '}'; });
    if (!line.empty()) lines.push_back(line + "\n");
    at = end + 1;
  }
  std::ranges::sort(lines);
  return std::accumulate(lines.begin(), lines.end(), std::string());
}

TEST_F(Sink, CommitsExactlyWhatTheGoldenTextSays) {
  Ruleset both = CompileRuleset({SamplePolicy(), SamplePolicy("high", 2)});
  ASSERT_TRUE(sink_->Replace(both, Now(), kDeadline));
  auto ours = Lines();
  ASSERT_EQ(0, RunProgram({"nft", "flush", "ruleset"}));
  ASSERT_TRUE(LoadWithNft(RulesetText(both)));
  EXPECT_EQ(Lines(), ours);
  EXPECT_NE(std::string::npos, Listing().find("comment \"levels/low.toml:15\""));
}

TEST_F(Sink, CommitsDenialsAndLimitsExactlyAsTheTextSays) {
  LevelPolicy policy = SamplePolicy();
  policy.deny = {policy.rules[0], policy.rules[3]};
  policy.out_bytes_per_s = 1'250'000;
  policy.in_bytes_per_s = kMaxBytesPerS;
  Ruleset one = CompileRuleset({policy});
  ASSERT_TRUE(sink_->Replace(one, Now(), kDeadline));
  auto ours = Lines();
  ASSERT_EQ(0, RunProgram({"nft", "flush", "ruleset"}));
  ASSERT_TRUE(LoadWithNft(RulesetText(one)));
  EXPECT_EQ(Lines(), ours);
  EXPECT_TRUE(Put(policy));
  EXPECT_TRUE(IsWhole("low"));
}

TEST_F(Sink, ReachesTheSameRulesetLevelByLevel) {
  ASSERT_TRUE(
      sink_->Replace(CompileRuleset({SamplePolicy(), SamplePolicy("high", 2)}), Now(), kDeadline));
  auto at_once = Lines();
  ASSERT_EQ(0, RunProgram({"nft", "flush", "ruleset"}));
  ASSERT_TRUE(Put(SamplePolicy()));
  ASSERT_TRUE(Put(SamplePolicy("high", 2)));
  EXPECT_EQ(at_once, Lines());
  EXPECT_TRUE(IsWhole("low"));
  EXPECT_TRUE(IsWhole("high"));
}

TEST_F(Sink, ReplacesAWholeRulesetAndKeepsOtherTables) {
  ASSERT_TRUE(LoadWithNft("add table ip other; add chain ip other x; add rule ip other x counter"));
  ASSERT_TRUE(Put(SamplePolicy()));
  ASSERT_TRUE(sink_->Replace(CompileRuleset({SamplePolicy("high", 2)}), Now(), kDeadline));
  EXPECT_FALSE(IsWhole("low"));
  EXPECT_TRUE(IsWhole("high"));
  EXPECT_NE(std::string::npos, Listing().find("table ip other"));
}

TEST_F(Sink, WritesNothingWhenAllStandsAlready) {
  ASSERT_TRUE(Put(SamplePolicy()));
  Generation before = Now();
  EXPECT_EQ(before, Put(SamplePolicy()).value());
  EXPECT_EQ(before, Now());
}

TEST_F(Sink, ChangesOneChainAndLeavesTheOthersTheirCounters) {
  ASSERT_TRUE(Put(SamplePolicy()));
  ASSERT_TRUE(LoadWithNft("flush chain inet bulkhead low/host-in"));
  std::string before = OutputOf({"nft", "-a", "list", "chain", "inet", "bulkhead", "low/out"});
  EXPECT_FALSE(IsWhole("low"));
  ASSERT_TRUE(Put(SamplePolicy()));
  EXPECT_TRUE(IsWhole("low"));
  EXPECT_EQ(before, OutputOf({"nft", "-a", "list", "chain", "inet", "bulkhead", "low/out"}));
}

TEST_F(Sink, SeesAndMendsEveryKindOfDamage) {
  LevelPolicy policy = SamplePolicy();
  for (const char* damage : {
           "flush chain inet bulkhead low/out",
           "flush chain netdev bulkhead low/tap",
           "flush chain inet bulkhead forward",
           "insert rule inet bulkhead low/out accept",
           "add rule inet bulkhead low/in accept",
           "insert rule netdev bulkhead low/tap accept",
           "insert rule inet bulkhead forward accept",
           "delete element inet bulkhead forward_from { \"bh-low\" }",
           "delete element inet bulkhead input_from { \"bh-low\" }",
           "delete element inet bulkhead output_to { \"bh-low\" }\n"
           "add element inet bulkhead output_to { \"bh-low\" : goto low/in }",
           "delete chain netdev bulkhead low/tap",
           "add table inet bulkhead { flags dormant; }",
           "flush table inet bulkhead",
           "delete table netdev bulkhead",
           "delete table inet bulkhead",
           "flush ruleset",
       }) {
    ASSERT_TRUE(Put(policy)) << damage;
    ASSERT_TRUE(IsWhole("low")) << damage;
    if (!LoadWithNft(damage)) {
      // A chain with rules may have to be emptied first.
      ASSERT_TRUE(LoadWithNft("flush chain netdev bulkhead low/tap\n" + std::string(damage)))
          << damage;
    }
    EXPECT_FALSE(IsWhole("low")) << damage;
    auto mended = Put(policy);
    EXPECT_TRUE(mended) << damage << ": " << mended.error().message;
    EXPECT_TRUE(IsWhole("low")) << damage;
  }
}

TEST_F(Sink, LeavesNothingOfADroppedLevel) {
  ASSERT_TRUE(Put(SamplePolicy()));
  ASSERT_TRUE(Put(SamplePolicy("high", 2)));
  ASSERT_TRUE(sink_->DropLevel("low", Now(), kDeadline));
  EXPECT_EQ(std::string::npos, Listing().find("low"));
  EXPECT_TRUE(IsWhole("high"));
  Generation before = Now();
  EXPECT_EQ(before, sink_->DropLevel("low", before, kDeadline).value());
}

TEST_F(Sink, CannotCommitAgainstAnOldGeneration) {
  Generation old = Now();
  ASSERT_TRUE(LoadWithNft("table ip other { }"));
  auto refused = sink_->PutLevel(CompileRules(SamplePolicy()), old, kDeadline);
  ASSERT_FALSE(refused);
  EXPECT_EQ(ErrorCode::kConflict, refused.error().code);
  EXPECT_EQ(std::string::npos, Listing().find("bulkhead"));
  EXPECT_TRUE(Put(SamplePolicy()));
}

TEST_F(Sink, CannotLeaveHalfOfAChangeBehind) {
  ASSERT_TRUE(Put(SamplePolicy()));
  std::string before = Listing();
  LevelRules bad = CompileRules(SamplePolicy("high", 2));
  bad.chains[0].rules[2].matches = {{.field = Field::kInputInterface, .set = "no_such_set"}};
  bad.chains[0].rules[2].origin = "levels/high.toml:9";
  auto refused = sink_->PutLevel(bad, Now(), kDeadline);
  ASSERT_FALSE(refused);
  EXPECT_EQ(ErrorCode::kInvalid, refused.error().code);
  EXPECT_NE(std::string::npos, refused.error().message.find("levels/high.toml:9"))
      << refused.error().message;
  EXPECT_EQ(before, Listing());
}

TEST_F(Sink, SaysThatItMayNot) {
  pid_t child = ::fork();
  if (child == 0) {
    bool dropped = ::setresuid(65534, 65534, 65534) == 0;
    auto sink = NftSink::Open();
    auto refused = sink->PutLevel(CompileRules(SamplePolicy()), 1, kDeadline);
    ::_exit(dropped && !refused && refused.error().code == ErrorCode::kPermission ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(child, ::waitpid(child, &status, 0));
  EXPECT_EQ(0, status);
}

TEST_F(Sink, CountsPacketsByTheLineThatAllowedThem) {
  LevelNetworks networks = OpenNetworks();
  ASSERT_TRUE(networks.Apply(SamplePolicy()));
  auto low = Open(SamplePolicy());
  for (int i = 0; i < 3; ++i) low->Send(Tcp4(low->To4("192.0.2.9"), 8000, 2, "count."));
  Fence(*low);
  Ends4 forged = low->To4("198.51.100.7");
  forged.from = Address4("10.0.0.1");
  low->Send(Udp4(forged, 9, "forged."));
  Fence(*low);
  std::map<std::string, std::uint64_t> counted;
  auto levels = networks.GetStatus().value();
  // In order of interface: bh-high is a bare tap of the fixture.
  ASSERT_EQ(2u, levels.size());
  for (const RuleCounter& c : levels[1].counters) {
    counted[c.origin] = c.packets;
  }
  EXPECT_EQ(3u, counted["levels/low.toml:11"]);
  EXPECT_EQ(2u, counted["levels/low.toml:15"]);
  EXPECT_EQ(1u, counted["anti-spoof ipv4"]);
  EXPECT_EQ(0u, counted["default drop"]);
}

TEST_F(Sink, HoldsTwoThousandRulesOfOneLevelInOneTransaction) {
  LevelPolicy policy = SamplePolicy();
  policy.rules.assign(1000, policy.rules[0]);
  auto put = Put(policy);
  ASSERT_TRUE(put) << put.error().message;
  EXPECT_TRUE(IsWhole("low"));
  ASSERT_TRUE(Put(SamplePolicy()));
  EXPECT_TRUE(IsWhole("low"));
}

/// Somebody else's firewall, busy.
class Outsider {
 public:
  Outsider() {
    EXPECT_TRUE(LoadWithNft("add table ip outsider; add chain ip outsider c"));
    thread_ = std::thread([this] {
      for (; !stop_; ++writes_)
        LoadWithNft("flush chain ip outsider c; add rule ip outsider c drop");
    });
  }
  int Stop() {
    stop_ = true;
    thread_.join();
    return writes_;
  }

 private:
  std::atomic<bool> stop_ = false;
  int writes_ = 0;
  std::thread thread_;
};

TEST_F(Sink, IsNotBrokenByAnotherProgramThatChangesItsOwnTable) {
  LevelNetworks networks = OpenNetworks();
  Outsider outsider;
  for (int round = 0; round < 40; ++round) {
    LevelPolicy policy = SamplePolicy();
    policy.rules.erase(policy.rules.begin() + round % 5);
    auto applied = networks.Apply(policy);
    EXPECT_TRUE(applied) << applied.error().message;
  }
  EXPECT_GT(outsider.Stop(), 5);
  EXPECT_TRUE(IsWhole("low"));
}

}  // namespace
}  // namespace bulkhead::netpolicy
