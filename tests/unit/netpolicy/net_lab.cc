// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/netpolicy/net_lab.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/ethernet.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <algorithm>

#include "netpolicy/level_name.h"
#include "netpolicy/nft_sink.h"
#include "vmspec/base/process_spec.h"

namespace bulkhead::netpolicy {

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t kVnetHeader = 10;

std::string ProgramPath(const std::string& name) {
  for (const char* folder : {"/usr/sbin/", "/usr/bin/", "/sbin/", "/bin/"}) {
    if (::access((folder + name).c_str(), X_OK) == 0) return folder + name;
  }
  return "/usr/sbin/" + name;
}

struct Ran {
  int status = -1;
  std::string output;
};

Ran RunWith(std::vector<std::string> argv, std::string_view input) {
  int in[2], out[2];
  if (::pipe2(in, O_CLOEXEC) != 0 || ::pipe2(out, O_CLOEXEC) != 0) return {};
  UniqueFd in_read(in[0]), in_write(in[1]), out_read(out[0]), out_write(out[1]);
  (void)::fcntl(in_write.get(), F_SETPIPE_SZ, 1 << 20);
  ProcessSpec spec;
  argv[0] = ProgramPath(argv[0]);
  spec.argv = std::move(argv);
  spec.env = {"LC_ALL=C", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"};
  spec.run_as = RunAs::Unchanged();
  spec.fds = {{in_read.get(), 0}, {out_write.get(), 1}};
  auto child = Spawn(spec);
  if (!child) return {};
  in_read.reset();
  out_write.reset();
  (void)!::write(in_write.get(), input.data(), input.size());
  in_write.reset();
  Ran ran;
  char buffer[4096];
  for (ssize_t n; (n = ::read(out_read.get(), buffer, sizeof buffer)) > 0;) {
    ran.output.append(buffer, static_cast<std::size_t>(n));
  }
  ::waitpid(child->pid, &ran.status, 0);
  return ran;
}

void Ip(const std::string& words) {
  std::vector<std::string> argv = {"ip"};
  std::size_t start = 0;
  while (start < words.size()) {
    std::size_t end = std::min(words.find(' ', start), words.size());
    argv.push_back(words.substr(start, end - start));
    start = end + 1;
  }
  ASSERT_EQ(0, RunProgram(argv)) << "ip " << words;
}

UniqueFd Namespace() { return UniqueFd(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)); }

void Enter(const UniqueFd& ns) { ASSERT_EQ(0, ::setns(ns.get(), CLONE_NEWNET)); }

void WriteSetting(const char* path, const char* value) {
  UniqueFd fd(::open(path, O_WRONLY | O_CLOEXEC));
  if (fd) (void)!::write(fd.get(), value, 1);
}

/// Addresses are usable at once.
void SwitchDadOff() {
  WriteSetting("/proc/sys/net/ipv6/conf/all/accept_dad", "0");
  WriteSetting("/proc/sys/net/ipv6/conf/default/accept_dad", "0");
}

/// The kernel notices up to a second late that a tap has been opened, and sends nothing until then.
void AwaitCarrier(Guest& guest) {
  const LevelLink& link = guest.policy().link;
  auto is_answer = [](const Bytes& f) { return f[12] == 8 && f[13] == 6 && f[21] == 2; };
  for (int i = 0; i < 40; ++i) {
    guest.Send(Arp(link.mac, 1, link.mac, link.guest4, link.host4));
    if (guest.Receives(is_answer, std::chrono::milliseconds(50))) return;
  }
}

UniqueFd OpenSniffer(const char* interface) {
  UniqueFd fd(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, htons(ETH_P_ALL)));
  ifreq request{};
  std::strncpy(request.ifr_name, interface, IFNAMSIZ - 1);
  ::ioctl(fd.get(), SIOCGIFINDEX, &request);
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = request.ifr_ifindex;
  ::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
  int bytes = 16 << 20;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
  return fd;
}

bool WaitFor(int fd, Clock::time_point until) {
  auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
  pollfd p{fd, POLLIN, 0};
  return left > 0 && ::poll(&p, 1, static_cast<int>(left)) > 0;
}

MacAddress MacAt(const Bytes& frame, std::size_t at) {
  MacAddress out;
  std::copy_n(frame.begin() + static_cast<std::ptrdiff_t>(at), out.size(), out.begin());
  return out;
}

}  // namespace

int RunProgram(const std::vector<std::string>& argv) { return RunWith(argv, "").status; }
std::string OutputOf(const std::vector<std::string>& argv) { return RunWith(argv, "").output; }
bool LoadWithNft(const std::string& script) {
  return RunWith({"nft", "-f", "-"}, script).status == 0;
}

bool Contains(const Bytes& frame, std::string_view mark) {
  return std::search(frame.begin(), frame.end(), mark.begin(), mark.end()) != frame.end();
}

bool Sniffer::Saw(std::string_view mark) const {
  return std::ranges::any_of(frames_, [&](const Bytes& f) { return Contains(f, mark); });
}

bool Sniffer::Sees(std::string_view mark, std::chrono::milliseconds within) {
  auto until = Clock::now() + within;
  std::size_t looked_at = 0;
  for (;;) {
    for (; looked_at < frames_.size(); ++looked_at) {
      if (Contains(frames_[looked_at], mark)) return true;
    }
    Bytes buffer(65536);
    sockaddr_ll from{};
    socklen_t size = sizeof from;
    ssize_t n = ::recvfrom(fd_.get(), buffer.data(), buffer.size(), 0,
                           reinterpret_cast<sockaddr*>(&from), &size);
    if (n > 0 && from.sll_pkttype != PACKET_OUTGOING) {
      buffer.resize(static_cast<std::size_t>(n));
      frames_.push_back(std::move(buffer));
    }
    if (n < 0 && !WaitFor(fd_.get(), until)) return false;
  }
}

Ends4 Guest::To4(const char* address) const {
  return {policy_.link.mac, HostMac(policy_.link.mac), policy_.link.guest4, Address4(address)};
}
Ends6 Guest::To6(const char* address) const {
  return {policy_.link.mac, HostMac(policy_.link.mac), policy_.link.guest6, Address6(address)};
}
Ends4 Guest::ToGateway4() const {
  Ends4 ends = To4("0.0.0.0");
  ends.to = policy_.link.host4;
  return ends;
}
Ends6 Guest::ToGateway6() const {
  Ends6 ends = To6("::");
  ends.to = policy_.link.host6;
  return ends;
}

void Guest::Send(const Bytes& frame) {
  Bytes with_header(kVnetHeader, 0);
  with_header.insert(with_header.end(), frame.begin(), frame.end());
  // A tap that is down takes nothing: that is one way to drop.
  (void)!::write(fd_.get(), with_header.data(), with_header.size());
}

void Guest::AnswerNeighbour(const Bytes& frame) {
  const LevelLink& link = policy_.link;
  bool arp = frame.size() >= 42 && frame[12] == 0x08 && frame[13] == 0x06 && frame[21] == 1;
  if (arp && std::equal(link.guest4.begin(), link.guest4.end(), frame.begin() + 38)) {
    Bytes answer = Arp(link.mac, 2, link.mac, link.guest4, link.host4);
    std::copy_n(frame.begin() + 22, 10, answer.begin() + 32);
    std::copy_n(frame.begin() + 6, 6, answer.begin());
    Send(answer);
  }
  bool solicitation =
      frame.size() >= 78 && frame[12] == 0x86 && frame[20] == 58 && frame[54] == 135;
  if (solicitation && std::equal(link.guest6.begin(), link.guest6.end(), frame.begin() + 62)) {
    Ends6 back{link.mac, MacAt(frame, 6), link.guest6, {}};
    std::copy_n(frame.begin() + 22, 16, back.to.begin());
    Send(Neighbour(back, 136, link.guest6));
  }
}

bool Guest::Receives(const std::function<bool(const Bytes&)>& wanted,
                     std::chrono::milliseconds within) {
  auto until = Clock::now() + within;
  for (;;) {
    Bytes buffer(65536 + kVnetHeader);
    ssize_t n = ::read(fd_.get(), buffer.data(), buffer.size());
    if (n > static_cast<ssize_t>(kVnetHeader)) {
      Bytes frame(buffer.begin() + kVnetHeader, buffer.begin() + n);
      if (wanted(frame)) return true;
      AnswerNeighbour(frame);
    } else if (!WaitFor(fd_.get(), until)) {
      return false;
    }
  }
}

bool Guest::ReceivesMark(std::string_view mark, std::chrono::milliseconds within) {
  return Receives([mark](const Bytes& frame) { return Contains(frame, mark); }, within);
}

void NetLab::SetUp() {
  original_ = Namespace();
  if (::unshare(CLONE_NEWNET) != 0) {
    GTEST_SKIP() << "needs root: no network namespace: " << std::strerror(errno);
  }
  host_ = Namespace();
  ASSERT_EQ(0, ::unshare(CLONE_NEWNET));
  peer_ = Namespace();
  SwitchDadOff();
  Ip("link set lo up");
  Enter(host_);
  if (::access("/dev/net/tun", R_OK | W_OK) != 0) GTEST_SKIP() << "no /dev/net/tun here";
  SwitchDadOff();
  Ip("link set lo up");
  std::string peer = "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(peer_.get());
  Ip("link add up0 type veth peer name peer0 netns " + peer);
  Ip("addr add 192.0.2.1/24 dev up0");
  Ip("-6 addr add 2001:db8::1/64 dev up0 nodad");
  Ip("link set up0 up");
  InPeer([&] {
    Ip("addr add 192.0.2.9/24 dev peer0");
    Ip("addr add 198.51.100.7/32 dev lo");
    Ip("-6 addr add 2001:db8::53/64 dev peer0 nodad");
    Ip("link set peer0 up");
    Ip("route add default via 192.0.2.1");
    Ip("-6 route add default via 2001:db8::1");
    sniffer_ = std::make_unique<Sniffer>(OpenSniffer("peer0").release());
  });
  Ip("route add 198.51.100.0/24 via 192.0.2.9");
}

void NetLab::TearDown() {
  sniffer_.reset();
  if (original_) Enter(original_);
}

void NetLab::InPeer(const std::function<void()>& work) {
  Enter(peer_);
  work();
  Enter(host_);
}

LevelNetworks NetLab::OpenNetworks() {
  return LevelNetworks(std::make_unique<NftSink>(NftSink::Open().value()), Links::Open().value(),
                       Conntrack::Open().value());
}

std::unique_ptr<Guest> NetLab::Open(const LevelPolicy& policy) {
  UniqueFd fd(::open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK));
  ifreq request{};
  policy.link.interface.copy(request.ifr_name, IFNAMSIZ - 1);
  request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
  EXPECT_EQ(0, ::ioctl(fd.get(), TUNSETIFF, &request)) << std::strerror(errno);
  auto guest = std::make_unique<Guest>(policy, fd.release());
  AwaitCarrier(*guest);
  return guest;
}

void NetLab::Fence(Guest& guest) {
  std::string mark = "fence-" + std::to_string(++fences_) + ".";
  guest.Send(Udp4(guest.To4("198.51.100.7"), 9, mark));
  ASSERT_TRUE(sniffer_->Sees(mark)) << "even an allowed packet does not arrive";
}

}  // namespace bulkhead::netpolicy
