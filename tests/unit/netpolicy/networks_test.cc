// SPDX-License-Identifier: GPL-2.0-or-later
/// Taps, addresses and the order of steps.
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include "netpolicy/kernel_events.h"
#include "netpolicy/level_name.h"
#include "netpolicy/nft_sink.h"
#include "netpolicy/tap.h"
#include "tests/unit/netpolicy/net_lab.h"
#include "vmspec/base/file.h"
#include "vmspec/base/identity.h"

namespace bulkhead::netpolicy {
namespace {

class Networks : public NetLab {
 protected:
  void SetUp() override {
    NetLab::SetUp();
    if (!IsSkipped()) networks_ = std::make_unique<LevelNetworks>(OpenNetworks());
  }
  void TearDown() override {
    networks_.reset();
    NetLab::TearDown();
  }
  LevelNetStatus StatusOf(const std::string& level) {
    auto levels = networks_->GetStatus().value();
    for (const LevelNetStatus& status : levels) {
      if (status.level == level) return status;
    }
    return {};
  }
  std::unique_ptr<LevelNetworks> networks_;
};

std::string Setting(const std::string& path) {
  return ReadFile("/proc/sys/net/" + path, 64).value_or("?").substr(0, 1);
}

TEST_F(Networks, HaveATapWithItsAddressesOwnerAndSettings) {
  ASSERT_TRUE(networks_->Apply(SamplePolicy()));
  std::string link = OutputOf({"ip", "-d", "addr", "show", "bh-low"});
  for (const char* part : {"tun type tap", "vnet_hdr on", "user 1879110001", "group 1879110001",
                           "persist on", "inet 10.77.0.5/30", "inet6 fd77::5/126",
                           "02:62:68:00:01:01", "alias bulkhead low up0", "UP"}) {
    EXPECT_NE(std::string::npos, link.find(part)) << part << "\n" << link;
  }
  EXPECT_EQ(std::string::npos, link.find("tentative")) << link;
  EXPECT_EQ(std::string::npos, link.find("multi_queue on")) << link;
  EXPECT_EQ("0", Setting("ipv6/conf/bh-low/accept_ra"));
  EXPECT_EQ("0", Setting("ipv6/conf/bh-low/autoconf"));
  EXPECT_EQ("1", Setting("ipv4/conf/bh-low/forwarding"));
  EXPECT_EQ("1", Setting("ipv4/conf/up0/forwarding"));
}

TEST_F(Networks, DoNotMakeTheHostARouterBetweenItsOtherInterfaces) {
  ASSERT_TRUE(networks_->Apply(SamplePolicy()));
  EXPECT_EQ("0", Setting("ipv4/ip_forward"));
  EXPECT_EQ("0", Setting("ipv4/conf/default/forwarding"));
}

TEST_F(Networks, AreTheSameAfterASecondApply) {
  ASSERT_TRUE(networks_->Apply(SamplePolicy()));
  auto low = Open(SamplePolicy());
  auto all = [] {
    return OutputOf({"ip", "-d", "addr"}) + OutputOf({"nft", "-s", "-a", "list", "ruleset"});
  };
  std::string before = all();
  ASSERT_TRUE(networks_->Apply(SamplePolicy()));
  EXPECT_EQ(before, all());
}

TEST_F(Networks, GetNewAddressesWithoutANewTap) {
  ASSERT_TRUE(networks_->Apply(SamplePolicy()));
  auto spec = SampleSpec();
  spec.host.pool4 = *vmspec::ParsePrefix("10.99.0.0/16");
  ASSERT_TRUE(networks_->Apply(CompileLevel(spec, "low", 1)->value()));
  std::string link = OutputOf({"ip", "addr", "show", "bh-low"});
  EXPECT_NE(std::string::npos, link.find("10.99.0.5/30")) << link;
  EXPECT_EQ(std::string::npos, link.find("10.77.0.5/30")) << link;
  EXPECT_TRUE(StatusOf("low").rules_present);
}

TEST_F(Networks, GetANewTapWhenTheLevelHasANewUid) {
  ASSERT_TRUE(networks_->Apply(SamplePolicy("low", 1)));
  ASSERT_TRUE(networks_->Apply(SamplePolicy("low", 7)));
  std::string link = OutputOf({"ip", "-d", "addr", "show", "bh-low"});
  EXPECT_NE(std::string::npos, link.find("user 1879110007")) << link;
  EXPECT_TRUE(StatusOf("low").rules_present);
}

/// Opens the tap as QEMU does, as `uid` without any capability.
bool CanOpenAs(uid_t uid, const std::string& tap) {
  pid_t child = ::fork();
  if (child == 0) {
    if (::setresgid(uid, uid, uid) != 0 || ::setresuid(uid, uid, uid) != 0) ::_exit(2);
    UniqueFd fd(::open("/dev/net/tun", O_RDWR | O_CLOEXEC));
    ifreq request{};
    tap.copy(request.ifr_name, IFNAMSIZ - 1);
    request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
    ::_exit(fd && ::ioctl(fd.get(), TUNSETIFF, &request) == 0 ? 0 : 1);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  return status == 0;
}

TEST_F(Networks, CannotBeJoinedByTheUidOfAnotherLevel) {
  ASSERT_TRUE(networks_->Apply(SamplePolicy()));
  EXPECT_TRUE(CanOpenAs(LevelUid(1), "bh-low"));
  EXPECT_FALSE(CanOpenAs(LevelUid(2), "bh-low"));
  EXPECT_FALSE(CanOpenAs(kUidHostd, "bh-low"));
}

TEST_F(Networks, CannotTakeOverAnInterfaceThatIsNoTap) {
  ASSERT_EQ(0, RunProgram({"ip", "link", "add", "bh-low", "type", "veth"}));
  auto refused = networks_->Apply(SamplePolicy());
  ASSERT_FALSE(refused);
  EXPECT_EQ(ErrorCode::kExists, refused.error().code);
  EXPECT_EQ(0, RunProgram({"ip", "link", "show", "bh-low"}));
}

/// Looks at the tap in the moment of each change of the rules.
class WatchingSink : public RulesetSink {
 public:
  explicit WatchingSink(std::function<void(const char*)> saw)
      : real_(NftSink::Open().value()), saw_(std::move(saw)) {}
  Result<Generation> CurrentGeneration() override { return real_.CurrentGeneration(); }
  Result<Generation> Replace(const Ruleset& r, Generation g, std::chrono::milliseconds d) override {
    return real_.Replace(r, g, d);
  }
  Result<Generation> PutLevel(const LevelRules& r, Generation g,
                              std::chrono::milliseconds d) override {
    saw_("put");
    if (fail_) return Fail(ErrorCode::kInvalid, "planted");
    return real_.PutLevel(r, g, d);
  }
  Result<Generation> DropLevel(const std::string& l, Generation g,
                               std::chrono::milliseconds d) override {
    saw_("drop");
    return real_.DropLevel(l, g, d);
  }
  Result<std::map<std::string, LevelReadback>> ReadLevels(std::chrono::milliseconds d) override {
    return real_.ReadLevels(d);
  }
  bool fail_ = false;

 private:
  NftSink real_;
  std::function<void(const char*)> saw_;
};

std::string LinkWord() {
  auto link = Links::Open()->Find("bh-low").value();
  return !link ? "absent" : link->up ? "up" : "down";
}

TEST_F(Networks, I1CommitTheRulesBeforeTheTapIsUpAndKeepThemUntilItIsGone) {
  std::vector<std::string> seen;
  auto sink = std::make_unique<WatchingSink>(
      [&](const char* what) { seen.push_back(std::string(what) + " " + LinkWord()); });
  LevelNetworks networks(std::move(sink), Links::Open().value(), Conntrack::Open().value());
  ASSERT_TRUE(networks.Apply(SamplePolicy()));
  EXPECT_EQ("up", LinkWord());
  ASSERT_TRUE(networks.Remove("low"));
  EXPECT_EQ((std::vector<std::string>{"drop absent", "put down", "drop absent"}), seen);
}

TEST_F(Networks, I1LeaveNoTapWhenTheRulesAreRefused) {
  auto sink = std::make_unique<WatchingSink>([](const char*) {});
  sink->fail_ = true;
  LevelNetworks networks(std::move(sink), Links::Open().value(), Conntrack::Open().value());
  EXPECT_FALSE(networks.Apply(SamplePolicy()));
  EXPECT_EQ("absent", LinkWord());
}

TEST_F(Networks, KeepTheFormerPolicyWhenTheNewOneIsRefused) {
  ASSERT_TRUE(networks_->Apply(SamplePolicy()));
  std::string before = OutputOf({"nft", "-s", "list", "ruleset"});
  auto sink = std::make_unique<WatchingSink>([](const char*) {});
  sink->fail_ = true;
  LevelNetworks failing(std::move(sink), Links::Open().value(), Conntrack::Open().value());
  LevelPolicy changed = SamplePolicy();
  changed.rules.clear();
  EXPECT_FALSE(failing.Apply(changed));
  EXPECT_EQ(before, OutputOf({"nft", "-s", "list", "ruleset"}));
  EXPECT_EQ("up", LinkWord());
}

TEST_F(Networks, AreGoneWithoutATraceAfterRemove) {
  ASSERT_TRUE(networks_->Apply(SamplePolicy()));
  ASSERT_TRUE(networks_->Remove("low"));
  EXPECT_EQ("absent", LinkWord());
  EXPECT_EQ(std::string::npos, OutputOf({"nft", "list", "ruleset"}).find("low"));
  EXPECT_TRUE(networks_->Remove("low"));
  EXPECT_FALSE(networks_->Remove("../../x"));
}

TEST_F(Networks, RetainOnlyThoseNamedAndRemoveEveryLeftover) {
  ASSERT_TRUE(networks_->Apply(SamplePolicy()));
  ASSERT_TRUE(networks_->Apply(SamplePolicy("high", 2)));
  // Half-made by a netd that was killed, and rules without a tap.
  ASSERT_TRUE(CreateTap("bh-orphan", 1, 1));
  ASSERT_EQ(0, RunProgram({"ip", "link", "del", "bh-high"}));
  ASSERT_EQ(0, RunProgram({"ip", "tuntap", "add", "foreign0", "mode", "tap"}));
  ASSERT_TRUE(networks_->RetainOnly({"low"}));
  std::string links = OutputOf({"ip", "link"});
  EXPECT_NE(std::string::npos, links.find("bh-low"));
  EXPECT_NE(std::string::npos, links.find("foreign0"));
  EXPECT_EQ(std::string::npos, links.find("bh-orphan"));
  EXPECT_EQ(std::string::npos, OutputOf({"nft", "list", "ruleset"}).find("high"));
  EXPECT_TRUE(StatusOf("low").rules_present);
}

TEST_F(Networks, FinishAHalfMadeTap) {
  ASSERT_TRUE(CreateTap("bh-low", LevelUid(1), LevelUid(1)));
  ASSERT_TRUE(networks_->Apply(SamplePolicy()));
  EXPECT_EQ("up", LinkWord());
  EXPECT_TRUE(StatusOf("low").rules_present);
}

TEST_F(Networks, TellWhatIsThereAndWhatIsNot) {
  ASSERT_TRUE(networks_->Apply(SamplePolicy()));
  EXPECT_TRUE(StatusOf("low").tap_present);
  EXPECT_TRUE(StatusOf("low").rules_present);
  ASSERT_EQ(0, RunProgram({"nft", "flush", "ruleset"}));
  EXPECT_TRUE(StatusOf("low").tap_present);
  EXPECT_FALSE(StatusOf("low").rules_present);
  EXPECT_EQ(1u, networks_->IsolateUnprotected().value().size());
  EXPECT_EQ("down", LinkWord());
  ASSERT_TRUE(networks_->Apply(SamplePolicy()));
  EXPECT_EQ("up", LinkWord());
  ASSERT_EQ(0, RunProgram({"ip", "link", "del", "bh-low"}));
  EXPECT_FALSE(StatusOf("low").tap_present);
}

TEST_F(Networks, BeginToForwardWhenTheirUplinkComes) {
  LevelPolicy policy = SamplePolicy();
  policy.uplink_interface = "late0";
  ASSERT_TRUE(networks_->Apply(policy));
  ASSERT_EQ(0, RunProgram({"ip", "link", "add", "late0", "type", "veth"}));
  EXPECT_EQ("0", Setting("ipv4/conf/late0/forwarding"));
  ASSERT_TRUE(networks_->RefreshUplinks());
  EXPECT_EQ("1", Setting("ipv4/conf/late0/forwarding"));
}

TEST_F(Networks, KnowTheirOwnCommitsFromThoseOfOthers) {
  auto events = KernelEvents::Open().value();
  ASSERT_TRUE(networks_->Apply(SamplePolicy()));
  ASSERT_TRUE(networks_->Remove("low"));
  auto own = events.DrainRules();
  EXPECT_EQ(2u, own.generations.size());
  EXPECT_FALSE(own.lost);
  EXPECT_FALSE(networks_->WasSomebodyElse(own.generations));

  ASSERT_TRUE(networks_->Apply(SamplePolicy()));
  ASSERT_TRUE(LoadWithNft("add table ip outsider"));
  EXPECT_TRUE(networks_->WasSomebodyElse(events.DrainRules().generations));
  // What is known was for those events: a late foreign one is not taken for ours.
  EXPECT_TRUE(networks_->WasSomebodyElse(own.generations));
}

}  // namespace
}  // namespace bulkhead::netpolicy
