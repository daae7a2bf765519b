// SPDX-License-Identifier: GPL-2.0-or-later
/// That a level's bandwidth is what its spec says, measured: a guest with a real TCP stack of its
/// own behind the tap, and a server behind the uplink.
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <cstring>
#include <thread>

#include "netpolicy/level_name.h"
#include "tests/unit/netpolicy/net_lab.h"

namespace bulkhead::netpolicy {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr std::uint64_t kLimit = 10'000'000 / 8;
constexpr std::uint16_t kPort = 80;

UniqueFd OpenTap(const std::string& name) {
  UniqueFd fd(::open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK));
  ifreq request{};
  name.copy(request.ifr_name, IFNAMSIZ - 1);
  request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
  EXPECT_EQ(0, ::ioctl(fd.get(), TUNSETIFF, &request)) << std::strerror(errno);
  return fd;
}

/// Carries frames between two taps, as QEMU does between a tap and a guest's card.
class Cable {
 public:
  Cable(int a, int b) : thread_([this, a, b] { Run(a, b); }) {}
  ~Cable() {
    stop_ = true;
    thread_.join();
  }

 private:
  void Run(int a, int b) {
    std::vector<char> buffer(70'000);
    while (!stop_) {
      std::array<pollfd, 2> ends = {pollfd{a, POLLIN, 0}, pollfd{b, POLLIN, 0}};
      ::poll(ends.data(), ends.size(), 50);
      for (auto [from, to] : {std::pair(a, b), std::pair(b, a)}) {
        for (ssize_t n; (n = ::read(from, buffer.data(), buffer.size())) > 0;)
          (void)!::write(to, buffer.data(), static_cast<std::size_t>(n));
      }
    }
  }
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

sockaddr_in At(const char* address) {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(kPort);
  ::inet_pton(AF_INET, address, &at.sin_addr);
  return at;
}

class Bandwidth : public NetLab {
 protected:
  void SetUp() override {
    NetLab::SetUp();
    if (IsSkipped()) return;
    networks_ = std::make_unique<LevelNetworks>(OpenNetworks());
    policy_ = SamplePolicy();
    host_ns_ = UniqueFd(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  }
  void TearDown() override {
    cable_.reset();
    networks_.reset();
    NetLab::TearDown();
  }

  void Start() {
    ASSERT_TRUE(networks_->Apply(policy_));
    outside_ = OpenTap(policy_.link.interface);
    ASSERT_EQ(0, ::unshare(CLONE_NEWNET));
    guest_ns_ = UniqueFd(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    inside_ = OpenTap("card0");
    auto ip = [](std::vector<std::string> words) {
      words.insert(words.begin(), "ip");
      ASSERT_EQ(0, RunProgram(words)) << words.back();
    };
    auto text = [](const Ip4& a) {
      char out[INET_ADDRSTRLEN];
      return std::string(::inet_ntop(AF_INET, a.data(), out, sizeof out));
    };
    char mac[18];
    const MacAddress& m = policy_.link.mac;
    std::snprintf(mac, sizeof mac, "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4],
                  m[5]);
    ip({"link", "set", "card0", "address", mac});
    ip({"addr", "add", text(policy_.link.guest4) + "/30", "dev", "card0"});
    ip({"link", "set", "card0", "up"});
    ip({"route", "add", "default", "via", text(policy_.link.host4)});
    ASSERT_EQ(0, ::setns(host_ns_.get(), CLONE_NEWNET));
    cable_ = std::make_unique<Cable>(outside_.get(), inside_.get());
  }

  void InGuest(const std::function<void()>& work) {
    ASSERT_EQ(0, ::setns(guest_ns_.get(), CLONE_NEWNET));
    work();
    ASSERT_EQ(0, ::setns(host_ns_.get(), CLONE_NEWNET));
  }

  /// A connection from the guest to the server: its two ends.
  void Connect(UniqueFd& guest, UniqueFd& server) {
    UniqueFd listener;
    InPeer([&] {
      listener = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      sockaddr_in at = At("192.0.2.9");
      ASSERT_EQ(0, ::bind(listener.get(), reinterpret_cast<sockaddr*>(&at), sizeof at));
      ASSERT_EQ(0, ::listen(listener.get(), 1));
    });
    InGuest([&] {
      guest = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      sockaddr_in at = At("192.0.2.9");
      ASSERT_EQ(0, ::connect(guest.get(), reinterpret_cast<sockaddr*>(&at), sizeof at))
          << std::strerror(errno);
    });
    server = UniqueFd(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    ASSERT_TRUE(server);
  }

  std::unique_ptr<LevelNetworks> networks_;
  LevelPolicy policy_;
  UniqueFd host_ns_, guest_ns_, outside_, inside_;
  std::unique_ptr<Cable> cable_;
};

/// Bytes a second that arrive at `to` while `from` sends all it can, the first second (the burst
/// and TCP's search for the rate) left out.
double Rate(int from, int to) {
  std::atomic<bool> stop = false;
  std::thread sender([&] {
    std::vector<char> block(65'536, 'x');
    while (!stop) (void)!::send(from, block.data(), block.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  });
  std::vector<char> buffer(1 << 20);
  std::uint64_t bytes = 0;
  auto read_until = [&](Clock::time_point end) {
    while (Clock::now() < end) {
      pollfd p{to, POLLIN, 0};
      if (::poll(&p, 1, 20) <= 0) continue;
      ssize_t n = ::recv(to, buffer.data(), buffer.size(), MSG_DONTWAIT);
      if (n > 0) bytes += static_cast<std::uint64_t>(n);
    }
  };
  read_until(Clock::now() + 1s);
  bytes = 0;
  auto begin = Clock::now();
  read_until(begin + 4s);
  double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  stop = true;
  sender.join();
  return static_cast<double>(bytes) / seconds;
}

/// Within 15 % of the limit, counted as the kernel does: headers of IP and TCP too.
void ExpectLimit(const char* what, double rate) {
  double with_headers = rate * 1500 / 1448;
  std::printf("%s: %.2f Mbit/s of 10 (%.2f with headers)\n", what, rate * 8 / 1e6,
              with_headers * 8 / 1e6);
  EXPECT_GT(with_headers, 0.85 * kLimit) << what;
  EXPECT_LT(with_headers, 1.15 * kLimit) << what;
}

TEST_F(Bandwidth, HoldsWhatALevelSendsTo10MegabitWithin15Percent) {
  policy_.out_bytes_per_s = kLimit;
  ASSERT_NO_FATAL_FAILURE(Start());
  UniqueFd guest, server;
  ASSERT_NO_FATAL_FAILURE(Connect(guest, server));
  ExpectLimit("TCP out", Rate(guest.get(), server.get()));
}

TEST_F(Bandwidth, HoldsWhatALevelReceivesTo10MegabitWithin15Percent) {
  policy_.in_bytes_per_s = kLimit;
  ASSERT_NO_FATAL_FAILURE(Start());
  UniqueFd guest, server;
  ASSERT_NO_FATAL_FAILURE(Connect(guest, server));
  ExpectLimit("TCP in", Rate(server.get(), guest.get()));
}

TEST_F(Bandwidth, IsFreeWithoutALimit) {
  ASSERT_NO_FATAL_FAILURE(Start());
  UniqueFd guest, server;
  ASSERT_NO_FATAL_FAILURE(Connect(guest, server));
  double rate = Rate(guest.get(), server.get());
  std::printf("TCP out without a limit: %.0f Mbit/s\n", rate * 8 / 1e6);
  EXPECT_GT(rate, 3 * kLimit);
}

TEST_F(Bandwidth, CannotBeGainedBySendingWithoutWaitingForAnswers) {
  policy_.out_bytes_per_s = kLimit;
  policy_.rules.push_back({.protocol = vmspec::Protocol::kUdp,
                           .to = *vmspec::ParsePrefix("192.0.2.9"),
                           .origin = {"levels/low.toml", 20, 1, 1}});
  ASSERT_NO_FATAL_FAILURE(Start());
  UniqueFd guest, server;
  InPeer([&] {
    server = UniqueFd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    int bytes = 8 << 20;
    ::setsockopt(server.get(), SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
    sockaddr_in at = At("192.0.2.9");
    ASSERT_EQ(0, ::bind(server.get(), reinterpret_cast<sockaddr*>(&at), sizeof at));
  });
  InGuest([&] {
    guest = UniqueFd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_in at = At("192.0.2.9");
    ASSERT_EQ(0, ::connect(guest.get(), reinterpret_cast<sockaddr*>(&at), sizeof at));
  });
  std::atomic<bool> stop = false;
  std::thread sender([&] {
    // Six times what it may.
    std::vector<char> block(1400, 'x');
    for (int i = 0; !stop; ++i) {
      (void)!::send(guest.get(), block.data(), block.size(), MSG_DONTWAIT);
      if (i % 10 == 0) std::this_thread::sleep_for(2ms);
    }
  });
  auto bytes_in = [&](std::chrono::seconds time) {
    double bytes = 0;
    std::vector<char> buffer(2048);
    for (auto until = Clock::now() + time; Clock::now() < until;) {
      pollfd p{server.get(), POLLIN, 0};
      if (::poll(&p, 1, 20) > 0 && ::recv(server.get(), buffer.data(), buffer.size(), 0) > 0)
        bytes += 1428;
    }
    return bytes;
  };
  double burst = bytes_in(1s);
  double later = bytes_in(4s);
  stop = true;
  sender.join();
  std::printf("UDP out: %.2f Mbit in the first second, then %.2f Mbit/s of 10\n", burst * 8 / 1e6,
              later * 8 / 4 / 1e6);
  // The kernel's bucket holds a second's worth.
  EXPECT_LT(burst, 2.3 * kLimit);
  EXPECT_GT(later, 0.85 * 4 * kLimit);
  EXPECT_LT(later, 1.15 * 4 * kLimit);
}

TEST_F(Bandwidth, OfTheLeastAndTheMostThatCanBeSaidIsTakenByTheKernel) {
  for (std::uint64_t limit : {std::uint64_t{1}, std::uint64_t{1} << 32, kMaxBytesPerS}) {
    policy_.out_bytes_per_s = policy_.in_bytes_per_s = limit;
    Status applied = networks_->Apply(policy_);
    ASSERT_TRUE(applied) << limit << ": " << applied.error().message;
    std::string rules = OutputOf({"nft", "list", "ruleset"});
    EXPECT_NE(std::string::npos, rules.find("limit rate over")) << rules;
  }
  EXPECT_NE(std::string::npos,
            OutputOf({"nft", "list", "chain", "inet", "bulkhead", "low/out"}).find("limit out"));
}

}  // namespace
}  // namespace bulkhead::netpolicy
