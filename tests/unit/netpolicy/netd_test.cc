// SPDX-License-Identifier: GPL-2.0-or-later
/// The daemon itself: as its own uid with CAP_NET_ADMIN only, behind its socket.
#include <linux/capability.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <random>
#include <thread>

#include "netpolicy/netd_client.h"
#include "netpolicy/netd_protocol.h"
#include "tests/unit/netpolicy/net_lab.h"
#include "vmspec/base/identity.h"
#include "vmspec/base/process_spec.h"
#include "vmspec/base/socket.h"

namespace bulkhead::netpolicy {
namespace {

using namespace std::chrono_literals;

class Netd : public NetLab {
 protected:
  void SetUp() override {
    NetLab::SetUp();
    if (IsSkipped()) return;
    char name[] = "/tmp/netd-test-XXXXXX";
    run_ = ::mkdtemp(name);
    ::mkdir((run_ + "/netd").c_str(), 0711);
    ASSERT_EQ(0, ::chmod(run_.c_str(), 0711));
    ASSERT_EQ(0, ::chown((run_ + "/netd").c_str(), kUidNetd, kUidNetd));
    Start();
  }
  void TearDown() override {
    if (child_.pid > 0) Kill();
    ::unlink(Socket().c_str());
    ::rmdir((run_ + "/netd").c_str());
    if (!run_.empty()) ::rmdir(run_.c_str());
    NetLab::TearDown();
  }
  std::string Socket() const { return run_ + "/netd/socket"; }

  void Start() {
    ProcessSpec spec;
    spec.argv = {BULKHEAD_NETD};
    spec.env = {"BULKHEAD_RUN_DIR=" + run_};
    spec.run_as = {.uid = kUidNetd, .gid = kUidNetd, .capabilities = {CAP_NET_ADMIN}};
    auto child = Spawn(spec);
    ASSERT_TRUE(child) << child.error().message;
    child_ = std::move(*child);
    for (int i = 0; i < 500 && !client().GetStatus(); ++i) std::this_thread::sleep_for(10ms);
    ASSERT_TRUE(client().GetStatus());
  }
  void Kill() {
    ::kill(child_.pid, SIGKILL);
    ::waitpid(child_.pid, nullptr, 0);
    child_.pid = -1;
  }
  bool IsAlive() { return ::waitpid(child_.pid, nullptr, WNOHANG) == 0; }
  NetdClient client() const { return NetdClient(Socket()); }

  std::string run_;
  Child child_;
};

TEST_F(Netd, MakesChangesAndRemovesALevelsNetwork) {
  auto applied = client().Apply(SamplePolicy());
  ASSERT_TRUE(applied) << applied.error().message;
  auto low = Open(SamplePolicy());
  Fence(*low);
  auto status = client().GetStatus().value();
  ASSERT_EQ(1u, status.size());
  EXPECT_EQ("low", status[0].level);
  EXPECT_EQ("bh-low", status[0].interface);
  EXPECT_TRUE(status[0].tap_present);
  EXPECT_TRUE(status[0].rules_present);
  EXPECT_FALSE(status[0].counters.empty());
  LevelPolicy changed = SamplePolicy();
  changed.rules.clear();
  ASSERT_TRUE(client().Apply(changed));
  low->Send(Udp4(low->To4("198.51.100.7"), 9, "shut."));
  EXPECT_FALSE(sniffer_->Sees("shut.", 200ms));
  low.reset();
  ASSERT_TRUE(client().Remove("low"));
  EXPECT_TRUE(client().GetStatus()->empty());
}

TEST_F(Netd, I1LeavesTheRulesInForceWhenItIsKilled) {
  ASSERT_TRUE(client().Apply(SamplePolicy()));
  auto low = Open(SamplePolicy());
  Kill();
  Ends4 forged = low->To4("198.51.100.7");
  forged.from = Address4("10.77.0.10");
  low->Send(Udp4(forged, 9, "forged."));
  low->Send(Udp4(low->To4("192.0.2.9"), 9, "forbidden."));
  Fence(*low);
  EXPECT_FALSE(sniffer_->Saw("forged."));
  EXPECT_FALSE(sniffer_->Saw("forbidden."));
  Start();
  EXPECT_TRUE(client().GetStatus()->at(0).rules_present);
  ASSERT_TRUE(client().Apply(SamplePolicy()));
  Fence(*low);
}

TEST_F(Netd, ConvergesWhereverItIsKilled) {
  std::mt19937 random(3);
  for (int round = 0; round < 12; ++round) {
    std::thread asking([path = Socket()] {
      NetdClient client(path);
      for (int i = 0; i < 4; ++i) {
        (void)client.Apply(SamplePolicy());
        (void)client.Remove("low");
      }
    });
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 40000));
    Kill();
    asking.join();
    // Never a tap that is up and has no rules.
    auto networks = OpenNetworks();
    auto levels = networks.GetStatus().value();
    for (const LevelNetStatus& level : levels) {
      auto link = Links::Open()->Find(level.interface).value();
      EXPECT_TRUE(level.rules_present || !link || !link->up);
    }
    Start();
    ASSERT_TRUE(client().Apply(SamplePolicy()));
    EXPECT_TRUE(client().GetStatus()->at(0).rules_present);
    ASSERT_TRUE(client().RetainOnly({}));
    EXPECT_TRUE(client().GetStatus()->empty());
  }
}

TEST_F(Netd, TakesATapDownWhenSomebodyFlushesTheRules) {
  ASSERT_TRUE(client().Apply(SamplePolicy()));
  auto low = Open(SamplePolicy());
  Fence(*low);
  ASSERT_EQ(0, RunProgram({"nft", "flush", "ruleset"}));
  auto down = [] { return !Links::Open()->Find("bh-low").value()->up; };
  for (int i = 0; i < 200 && !down(); ++i) std::this_thread::sleep_for(10ms);
  EXPECT_TRUE(down());
  low->Send(Udp4(low->To4("198.51.100.7"), 9, "open."));
  EXPECT_FALSE(sniffer_->Sees("open.", 200ms));
  ASSERT_TRUE(client().Apply(SamplePolicy()));
  Fence(*low);
}

TEST_F(Netd, SeesAtItsStartThatRulesAreGone) {
  ASSERT_TRUE(client().Apply(SamplePolicy()));
  Kill();
  ASSERT_EQ(0, RunProgram({"nft", "flush", "ruleset"}));
  Start();
  EXPECT_FALSE(Links::Open()->Find("bh-low").value()->up);
}

TEST_F(Netd, CannotBeAskedByAnotherUid) {
  pid_t child = ::fork();
  if (child == 0) {
    bool dropped = ::setresuid(LevelUid(1), LevelUid(1), LevelUid(1)) == 0;
    auto refused = client().Apply(SamplePolicy());
    ::_exit(dropped && !refused && refused.error().code == ErrorCode::kPermission ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(child, ::waitpid(child, &status, 0));
  EXPECT_EQ(0, status);
  EXPECT_TRUE(client().GetStatus()->empty());
}

TEST_F(Netd, CannotBeBroughtDownByGarbage) {
  std::mt19937 random(11);
  for (int round = 0; round < 60; ++round) {
    Bytes frame = Encode(Request(ApplyRequest{EncodePolicy(SamplePolicy())}));
    for (int n = 0; n < 3; ++n) {
      frame[random() % frame.size()] = static_cast<std::uint8_t>(random());
    }
    auto fd = ConnectUnix(Socket());
    ASSERT_TRUE(fd);
    ::send(fd->get(), frame.data(), frame.size(), MSG_NOSIGNAL);
    ::shutdown(fd->get(), SHUT_WR);
    char answer[256];
    while (::recv(fd->get(), answer, sizeof answer, 0) > 0) {
    }
  }
  EXPECT_TRUE(IsAlive());
  ASSERT_TRUE(client().RetainOnly({}));
  EXPECT_TRUE(client().GetStatus()->empty());
}

TEST_F(Netd, CannotBeToldToTouchAnotherInterface) {
  LevelPolicy policy = SamplePolicy();
  policy.link.interface = "up0";
  auto refused = client().Apply(policy);
  ASSERT_FALSE(refused);
  EXPECT_EQ(ErrorCode::kInvalid, refused.error().code);
  EXPECT_FALSE(client().Remove("up0/../x"));
}

TEST(NetdClient, SaysThatNobodyListens) {
  NetdClient client("/tmp/no-such-socket");
  auto refused = client.GetStatus();
  ASSERT_FALSE(refused);
  EXPECT_EQ(ErrorCode::kUnavailable, refused.error().code);
}

}  // namespace
}  // namespace bulkhead::netpolicy
