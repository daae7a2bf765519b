// SPDX-License-Identifier: GPL-2.0-or-later
/// What the rules do to real packets.
#include <arpa/inet.h>
#include <sys/socket.h>

#include <atomic>
#include <thread>

#include "netpolicy/level_name.h"
#include "tests/unit/netpolicy/net_lab.h"

namespace bulkhead::netpolicy {
namespace {

using namespace std::chrono_literals;

class Packets : public NetLab {
 protected:
  /// `low` with its sample policy: 192.0.2.0/24 TCP 80, 8000-8010 and echo, 2001:db8::53 UDP 53,
  /// 2001:db8::/32 echo, 198.51.100.7 everything.
  std::unique_ptr<Guest> StartLow() {
    LevelPolicy policy = SamplePolicy();
    Status applied = networks_->Apply(policy);
    EXPECT_TRUE(applied) << applied.error().message;
    return Open(policy);
  }
  void SetUp() override {
    NetLab::SetUp();
    if (!IsSkipped()) networks_ = std::make_unique<LevelNetworks>(OpenNetworks());
  }
  void TearDown() override {
    networks_.reset();
    NetLab::TearDown();
  }

  std::unique_ptr<LevelNetworks> networks_;
};

TEST_F(Packets, ThatTheRulesNamePassInBothFamilies) {
  auto low = StartLow();
  low->Send(Tcp4(low->To4("192.0.2.9"), 80, 2, "tcp80."));
  low->Send(Tcp4(low->To4("192.0.2.9"), 8005, 2, "tcp8005."));
  low->Send(Icmp4(low->To4("192.0.2.9"), 8, "echo4."));
  low->Send(Udp6(low->To6("2001:db8::53"), 53, "udp53."));
  low->Send(Icmp6(low->To6("2001:db8::53"), 128, "echo6."));
  for (const char* mark : {"tcp80.", "tcp8005.", "echo4.", "udp53.", "echo6."}) {
    EXPECT_TRUE(sniffer_->Sees(mark)) << mark;
  }
}

TEST_F(Packets, ThatNoRuleNamesAreDropped) {
  auto low = StartLow();
  low->Send(Tcp4(low->To4("192.0.2.9"), 81, 2, "tcp81."));
  low->Send(Tcp4(low->To4("192.0.2.9"), 8011, 2, "tcp8011."));
  low->Send(Udp4(low->To4("192.0.2.9"), 80, "udp80."));
  low->Send(Icmp4(low->To4("192.0.2.9"), 13, "timestamp."));
  low->Send(Icmp4(low->To4("198.51.100.8"), 8, "neighbour."));
  low->Send(Udp6(low->To6("2001:db8::53"), 54, "udp54."));
  low->Send(Udp6(low->To6("2001:db8::54"), 53, "other6."));
  low->Send(Icmp6(low->To6("2001:db8::53"), 129, "reply6."));
  Fence(*low);
  for (const char* mark : {"tcp81.", "tcp8011.", "udp80.", "timestamp.", "neighbour.", "udp54.",
                           "other6.", "reply6."}) {
    EXPECT_FALSE(sniffer_->Saw(mark)) << mark;
  }
}

TEST_F(Packets, CannotArriveWithAForgedMac) {
  auto low = StartLow();
  Ends4 forged = low->To4("198.51.100.7");
  forged.from_mac = GuestMac(2);
  low->Send(Udp4(forged, 9, "mac4."));
  Ends6 forged6 = low->To6("2001:db8::53");
  forged6.from_mac[5] ^= 1;
  low->Send(Udp6(forged6, 53, "mac6."));
  Fence(*low);
  EXPECT_FALSE(sniffer_->Saw("mac4."));
  EXPECT_FALSE(sniffer_->Saw("mac6."));
}

TEST_F(Packets, CannotArriveWithAForgedIpv4Address) {
  auto low = StartLow();
  for (const char* address : {"10.77.0.5", "10.77.0.10", "192.0.2.1", "0.0.0.0", "127.0.0.1",
                              "255.255.255.255", "224.0.0.1"}) {
    Ends4 forged = low->To4("198.51.100.7");
    forged.from = Address4(address);
    low->Send(Udp4(forged, 9, "forged4."));
  }
  Fence(*low);
  EXPECT_FALSE(sniffer_->Saw("forged4."));
}

TEST_F(Packets, CannotArriveWithAForgedIpv6Address) {
  auto low = StartLow();
  Ip6 own_link_local = LinkLocal(low->policy().link.mac);
  for (const Ip6& address :
       {Address6("fd77::5"), Address6("fd77::a"), Address6("2001:db8::1"), Address6("::"),
        Address6("::1"), Address6("ff02::1"), Address6("fe80::1"), own_link_local}) {
    Ends6 forged = low->To6("2001:db8::53");
    forged.from = address;
    low->Send(Udp6(forged, 53, "forged6."));
    low->Send(Icmp6(forged, 128, "forged6."));
  }
  Fence(*low);
  EXPECT_FALSE(sniffer_->Saw("forged6."));
}

TEST_F(Packets, CannotArriveAsAnotherEtherTypeOrInATaggedFrame) {
  auto low = StartLow();
  Bytes good = Udp4(low->To4("198.51.100.7"), 9, "tagged.");
  Bytes tag = {0, 1, 8, 0};
  tag.insert(tag.end(), good.begin() + 14, good.end());
  const LevelLink& link = low->policy().link;
  low->Send(Ethernet(link.mac, HostMac(link.mac), 0x8100, tag));
  low->Send(Ethernet(link.mac, HostMac(link.mac), 0x88cc, tag));
  low->Send(Bytes(good.begin(), good.begin() + 13));
  low->Send(Bytes(good.begin(), good.begin() + 15));
  Fence(*low);
  EXPECT_FALSE(sniffer_->Saw("tagged."));
}

TEST_F(Packets, CannotPoisonTheHostsNeighbourTables) {
  auto low = StartLow();
  const LevelLink& link = low->policy().link;
  MacAddress other = GuestMac(2);
  // The host accepts a gratuitous answer for an entry that it has.
  ASSERT_EQ(0, RunProgram({"ip", "neigh", "replace", "10.77.0.6", "lladdr", "02:00:00:00:00:aa",
                           "dev", "bh-low", "nud", "stale"}));
  low->Send(Arp(link.mac, 2, other, link.guest4, link.host4));
  low->Send(Arp(other, 2, other, link.guest4, link.host4));
  low->Send(Arp(link.mac, 1, link.mac, Address4("10.77.0.10"), link.host4));
  Ends6 advertise = low->ToGateway6();
  low->Send(Neighbour(advertise, 136, Address6("2001:db8::53")));
  advertise.from = Address6("fd77::a");
  low->Send(Neighbour(advertise, 136, Address6("fd77::a")));
  Fence(*low);
  std::string table = OutputOf({"ip", "neigh", "show"});
  EXPECT_NE(std::string::npos, table.find("10.77.0.6 dev bh-low lladdr 02:00:00:00:00:aa"))
      << table;
  EXPECT_EQ(std::string::npos, table.find("10.77.0.10")) << table;
  EXPECT_EQ(std::string::npos, table.find("fd77::a")) << table;
  EXPECT_EQ(std::string::npos, table.find("2001:db8::53 dev bh-low")) << table;
}

TEST_F(Packets, CannotMakeTheHostTakeARouterAdvertisement) {
  auto low = StartLow();
  Ends6 ends{low->policy().link.mac,
             {0x33, 0x33, 0, 0, 0, 1},
             LinkLocal(low->policy().link.mac),
             Address6("ff02::1")};
  low->Send(Icmp6(ends, 134, std::string("\x40\x00\x07\x08\0\0\0\0\0\0\0\0", 12)));
  Fence(*low);
  std::string rules = OutputOf({"nft", "list", "chain", "netdev", "bulkhead", "low/tap"});
  EXPECT_NE(std::string::npos, rules.find("packets 1 ")) << rules;
  EXPECT_EQ(std::string::npos, OutputOf({"ip", "-6", "route"}).find("default"));
}

TEST_F(Packets, GetRepliesBackInBothFamilies) {
  auto low = StartLow();
  low->Send(Icmp4(low->To4("192.0.2.9"), 8, "ping4."));
  EXPECT_TRUE(low->ReceivesMark("ping4."));
  low->Send(Icmp6(low->To6("2001:db8::53"), 128, "ping6."));
  EXPECT_TRUE(low->ReceivesMark("ping6."));
}

TEST_F(Packets, GetErrorsAboutThemBack) {
  auto low = StartLow();
  low->Send(Udp4(low->To4("198.51.100.7"), 9, "closed."));
  // Port unreachable, with the head of the packet in it.
  EXPECT_TRUE(low->Receives([](const Bytes& f) {
    return f.size() > 36 && f[23] == 1 && f[34] == 3 && f[35] == 3 && Contains(f, "closed.");
  }));
}

TEST_F(Packets, AreMasqueradedOnlyOnANatUplink) {
  auto low = StartLow();
  low->Send(Udp4(low->To4("198.51.100.7"), 9, "nat."));
  ASSERT_TRUE(sniffer_->Sees("nat."));
  Ip4 uplink = Address4("192.0.2.1");
  EXPECT_TRUE(std::equal(uplink.begin(), uplink.end(), sniffer_->frames().back().begin() + 26));

  LevelPolicy routed = SamplePolicy();
  routed.nat = false;
  ASSERT_TRUE(networks_->Apply(routed));
  low->Send(Udp4(low->To4("198.51.100.7"), 10, "routed."));
  ASSERT_TRUE(sniffer_->Sees("routed."));
  Ip4 guest = routed.link.guest4;
  EXPECT_TRUE(std::equal(guest.begin(), guest.end(), sniffer_->frames().back().begin() + 26));
}

TEST_F(Packets, CannotReachALevelUnasked) {
  LevelPolicy policy = SamplePolicy();
  policy.nat = false;
  ASSERT_TRUE(networks_->Apply(policy));
  auto low = Open(policy);
  InPeer([] {
    RunProgram({"ping", "-c1", "-W1", "10.77.0.6"});
    RunProgram({"ping", "-c1", "-W1", "fd77::6"});
  });
  // Not even a question who has the address: it ends before the tap.
  EXPECT_FALSE(low->Receives([](const Bytes& f) { return f[12] == 0x08; }, 200ms));
}

TEST_F(Packets, ThatAreInvalidAreDropped) {
  auto low = StartLow();
  low->Send(Tcp4(low->To4("198.51.100.7"), 9, 0x07, "synfinrst."));
  low->Send(Icmp4(low->To4("198.51.100.7"), 0, "unasked."));
  Fence(*low);
  EXPECT_FALSE(sniffer_->Saw("synfinrst."));
  EXPECT_FALSE(sniffer_->Saw("unasked."));
}

TEST_F(Packets, CannotGoFromLevelToLevelWhateverTheRulesSay) {
  LevelPolicy low_policy = SamplePolicy();
  LevelPolicy high_policy = SamplePolicy("high", 2);
  for (const char* everywhere : {"0.0.0.0/0", "::/0"}) {
    vmspec::NetRule all{.to = *vmspec::ParsePrefix(everywhere)};
    low_policy.rules.push_back(all);
    high_policy.rules.push_back(all);
  }
  ASSERT_TRUE(networks_->Apply(low_policy));
  ASSERT_TRUE(networks_->Apply(high_policy));
  auto low = Open(low_policy);
  auto high = Open(high_policy);
  low->Send(Udp4(low->To4("10.77.0.10"), 9, "across4."));
  low->Send(Udp6(low->To6("fd77::a"), 9, "across6."));
  low->Send(Icmp4(low->To4("10.77.0.9"), 8, "gateway4."));
  low->Send(Icmp6(low->To6("fd77::9"), 128, "gateway6."));
  Fence(*low);
  auto marked = [](const Bytes& f) { return Contains(f, "across") || Contains(f, "gateway"); };
  auto marked_or_arp = [&](const Bytes& f) { return marked(f) || (f[12] == 8 && f[13] == 6); };
  EXPECT_FALSE(high->Receives(marked_or_arp, 200ms));
  EXPECT_FALSE(low->Receives(marked, 200ms));
}

TEST_F(Packets, FindNothingOnTheHostButTheGatewaysEcho) {
  auto low = StartLow();
  low->Send(Icmp4(low->ToGateway4(), 8, "gw4."));
  EXPECT_TRUE(low->ReceivesMark("gw4."));
  low->Send(Icmp6(low->ToGateway6(), 128, "gw6."));
  EXPECT_TRUE(low->ReceivesMark("gw6."));

  low->Send(Icmp4(low->To4("192.0.2.1"), 8, "uplink."));
  low->Send(Tcp4(low->ToGateway4(), 22, 2, "ssh."));
  low->Send(Udp4(low->ToGateway4(), 67, "dhcp."));
  low->Send(Icmp6(low->To6("2001:db8::1"), 128, "uplink6."));
  Fence(*low);
  auto answer = [](const Bytes& f) {
    bool reset = f.size() > 47 && f[12] == 0x08 && f[13] == 0 && f[23] == 6;
    return reset || Contains(f, "uplink") || Contains(f, "dhcp.");
  };
  EXPECT_FALSE(low->Receives(answer, 200ms));
}

TEST_F(Packets, CannotLearnByArpWhatOtherAddressesTheHostHas) {
  auto low = StartLow();
  const LevelLink& link = low->policy().link;
  auto is_answer = [](const Bytes& f) { return f[12] == 8 && f[13] == 6 && f[21] == 2; };
  low->Send(Arp(link.mac, 1, link.mac, link.guest4, link.host4));
  EXPECT_TRUE(low->Receives(is_answer));
  low->Send(Arp(link.mac, 1, link.mac, link.guest4, Address4("192.0.2.1")));
  low->Send(Arp(link.mac, 1, link.mac, link.guest4, Address4("10.77.0.9")));
  EXPECT_FALSE(low->Receives(is_answer, 200ms));
}

TEST_F(Packets, CannotPassInEitherFamilyWithNoRule) {
  LevelPolicy policy = SamplePolicy();
  policy.rules.clear();
  ASSERT_TRUE(networks_->Apply(policy));
  auto low = Open(policy);
  low->Send(Udp4(low->To4("198.51.100.7"), 9, "norule."));
  low->Send(Icmp4(low->To4("192.0.2.9"), 8, "norule."));
  low->Send(Icmp6(low->To6("2001:db8::53"), 128, "norule."));
  EXPECT_FALSE(sniffer_->Sees("norule.", 200ms));
}

TEST_F(Packets, CannotPassFromATapThatNoPolicyNames) {
  auto low = StartLow();
  // Only the tables' frame is left for it.
  ASSERT_EQ(0, RunProgram({"nft", "delete element inet bulkhead forward_from { \"bh-low\" }"}));
  ASSERT_EQ(0, RunProgram({"nft", "delete element inet bulkhead forward_to { \"bh-low\" }"}));
  low->Send(Udp4(low->To4("198.51.100.7"), 9, "unnamed."));
  low->Send(Icmp6(low->To6("2001:db8::53"), 128, "unnamed."));
  EXPECT_FALSE(sniffer_->Sees("unnamed.", 200ms));
}

TEST_F(Packets, S21FollowAChangedPolicyAtOnce) {
  auto low = StartLow();
  LevelPolicy changed = SamplePolicy();
  changed.rules[0].ports = {{81, 81}};
  ASSERT_TRUE(networks_->Apply(changed));
  low->Send(Tcp4(low->To4("192.0.2.9"), 80, 2, "old."));
  low->Send(Tcp4(low->To4("192.0.2.9"), 81, 2, "new."));
  EXPECT_TRUE(sniffer_->Sees("new."));
  EXPECT_FALSE(sniffer_->Saw("old."));
}

TEST_F(Packets, CannotPassADenyWhateverTheRulesAllow) {
  LevelPolicy policy = SamplePolicy();
  policy.deny = {{.protocol = vmspec::Protocol::kAny,
                  .to = *vmspec::ParsePrefix("192.0.2.9"),
                  .origin = {"levels/low.toml", 40, 1, 1}},
                 {.protocol = vmspec::Protocol::kUdp,
                  .to = *vmspec::ParsePrefix("2001:db8::/32"),
                  .ports = {{53, 53}},
                  .origin = {"levels/low.toml", 41, 1, 1}}};
  ASSERT_TRUE(networks_->Apply(policy));
  auto low = Open(policy);
  low->Send(Tcp4(low->To4("192.0.2.9"), 80, 2, "denied80."));
  low->Send(Icmp4(low->To4("192.0.2.9"), 8, "deniedecho."));
  low->Send(Udp6(low->To6("2001:db8::53"), 53, "denied53."));
  low->Send(Icmp6(low->To6("2001:db8::53"), 128, "echo6."));
  Fence(*low);
  for (const char* mark : {"denied80.", "deniedecho.", "denied53."})
    EXPECT_FALSE(sniffer_->Saw(mark)) << mark;
  EXPECT_TRUE(sniffer_->Sees("echo6."));
}

TEST_F(Packets, S21OfAConnectionEndWithADenyThatComesLater) {
  auto low = StartLow();
  low->Send(Udp4(low->To4("198.51.100.7"), 9, "before."));
  ASSERT_TRUE(sniffer_->Sees("before."));
  LevelPolicy policy = SamplePolicy();
  policy.deny = {{.protocol = vmspec::Protocol::kUdp,
                  .to = *vmspec::ParsePrefix("198.51.100.7"),
                  .origin = {"levels/low.toml", 40, 1, 1}}};
  ASSERT_TRUE(networks_->Apply(policy));
  low->Send(Udp4(low->To4("198.51.100.7"), 9, "after."));
  EXPECT_FALSE(sniffer_->Sees("after.", 300ms));
}

TEST_F(Packets, OfALevelWithItsOwnAddressPassAndOthersDoNot) {
  auto spec = SampleSpec();
  spec.levels["low"].network.address4 = vmspec::ParsePrefix("203.0.113.6");
  spec.levels["low"].network.address6 = vmspec::ParsePrefix("2001:db8:5::6");
  spec.uplinks["office"].kind = vmspec::UplinkKind::kRouted;
  LevelPolicy policy = CompileLevel(spec, "low", 1).value().value();
  ASSERT_TRUE(networks_->Apply(policy));
  auto low = Open(policy);
  low->Send(Udp4(low->To4("198.51.100.7"), 9, "own4."));
  low->Send(Udp6(low->To6("2001:db8::53"), 53, "own6."));
  EXPECT_TRUE(sniffer_->Sees("own4."));
  EXPECT_TRUE(sniffer_->Sees("own6."));
  Ends4 pool = low->To4("198.51.100.7");
  pool.from = Address4("10.77.0.6");
  low->Send(Udp4(pool, 9, "pool4."));
  Fence(*low);
  EXPECT_FALSE(sniffer_->Saw("pool4."));
}

TEST_F(Packets, S21FindNoGapWhileThePolicyChanges) {
  auto low = StartLow();
  std::atomic<bool> stop = false;
  int sent = 0;
  std::thread sender([&] {
    // A thread keeps the namespace it was made in.
    for (; !stop; ++sent) {
      low->Send(Udp4(low->To4("198.51.100.7"), 9, "n" + std::to_string(sent) + "."));
      std::this_thread::sleep_for(200us);
    }
  });
  for (int round = 0; round < 40; ++round) {
    LevelPolicy changed = SamplePolicy();
    changed.rules.erase(changed.rules.begin() + round % 4);
    EXPECT_TRUE(networks_->Apply(changed));
  }
  stop = true;
  sender.join();
  ASSERT_GT(sent, 40);
  ASSERT_TRUE(sniffer_->Sees("n" + std::to_string(sent - 1) + "."));
  for (int i = 0; i < sent; ++i) {
    EXPECT_TRUE(sniffer_->Saw("n" + std::to_string(i) + ".")) << "of " << sent;
  }
}

TEST_F(Packets, S21OfAnEstablishedConnectionEndWithItsRuleInBothDirections) {
  auto low = StartLow();
  UniqueFd server;
  InPeer([&] {
    server.reset(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(9);
    address.sin_addr.s_addr = inet_addr("198.51.100.7");
    ASSERT_EQ(0, ::bind(server.get(), reinterpret_cast<sockaddr*>(&address), sizeof address));
  });
  low->Send(Udp4(low->To4("198.51.100.7"), 9, "ask."));
  char buffer[64];
  sockaddr_in client{};
  socklen_t size = sizeof client;
  ASSERT_GT(::recvfrom(server.get(), buffer, sizeof buffer, 0, reinterpret_cast<sockaddr*>(&client),
                       &size),
            0);
  auto answer = [&](std::string_view mark) {
    ::sendto(server.get(), mark.data(), mark.size(), 0, reinterpret_cast<sockaddr*>(&client),
             sizeof client);
  };
  answer("before.");
  EXPECT_TRUE(low->ReceivesMark("before."));

  LevelPolicy changed = SamplePolicy();
  changed.rules.pop_back();
  ASSERT_TRUE(networks_->Apply(changed));
  answer("after.");
  EXPECT_FALSE(low->ReceivesMark("after.", 200ms));
  low->Send(Udp4(low->To4("198.51.100.7"), 9, "again."));
  low->Send(Icmp4(low->To4("192.0.2.9"), 8, "still."));
  EXPECT_TRUE(sniffer_->Sees("still."));
  EXPECT_FALSE(sniffer_->Saw("again."));
}

}  // namespace
}  // namespace bulkhead::netpolicy
