// SPDX-License-Identifier: GPL-2.0-or-later
/// bulkhead-agentd as it is, between a socket that plays QEMU and one that plays hostd.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <memory>
#include <thread>

#include "hostd/agentd/relay.h"
#include "vmspec/base/control_messages.h"
#include "vmspec/base/paths.h"
#include "vmspec/base/process_spec.h"
#include "vmspec/base/report_messages.h"
#include "vmspec/base/socket.h"

namespace bulkhead::agentd {
namespace {

using control::GuestMessage;
using control::HostMessage;
using report::AgentLink;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

Bytes HelloBytes() {
  return control::Encode(GuestMessage(control::Hello{1, "minimal", "v1", "boot-1"}));
}
Bytes ReadyBytes() { return control::Encode(GuestMessage(control::Ready{})); }

class AgentdTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* program = std::getenv("BULKHEAD_TEST_AGENTD");
    if (program == nullptr) GTEST_SKIP() << "BULKHEAD_TEST_AGENTD does not name the program";
    program_ = program;
    char folder[] = "/tmp/agentd-test-XXXXXX";
    ASSERT_NE(nullptr, ::mkdtemp(folder));
    paths_.run = folder;
    std::filesystem::create_directories(paths_.ChannelDir("low", "control"));
    std::filesystem::create_directories(paths_.run + "/hostd");
  }

  void TearDown() override {
    if (child_.pid > 0) {
      ::kill(child_.pid, SIGKILL);
      ::waitpid(child_.pid, nullptr, 0);
    }
    if (!paths_.run.empty()) std::filesystem::remove_all(paths_.run);
  }

  void StartAgentd() {
    ProcessSpec spec;
    spec.argv = {program_, "--level", "low"};
    spec.env = {"BULKHEAD_RUN_DIR=" + paths_.run};
    if (const char* options = std::getenv("ASAN_OPTIONS")) {
      spec.env.push_back(std::string("ASAN_OPTIONS=") + options);
    }
    spec.run_as = RunAs::Unchanged();
    spec.may_fork = false;
    auto child = Spawn(spec);
    ASSERT_TRUE(child) << child.error().message;
    child_ = std::move(*child);
  }

  void ListenAsQemu() {
    auto fd = ListenUnix(paths_.ChannelSocket("low", "control"), 0600);
    ASSERT_TRUE(fd) << fd.error().message;
    qemu_listener_ = std::move(*fd);
  }
  void ListenAsHostd() {
    auto fd = ListenUnix(paths_.ReportSocket(), 0600);
    ASSERT_TRUE(fd) << fd.error().message;
    hostd_listener_ = std::move(*fd);
  }
  static UniqueFd Accept(const UniqueFd& listener) {
    pollfd p{listener.get(), POLLIN, 0};
    EXPECT_EQ(1, ::poll(&p, 1, 10'000)) << "agentd does not connect";
    auto fd = AcceptUnix(listener.get());
    return fd ? std::move(*fd) : UniqueFd();
  }
  void AcceptBoth() {
    qemu_ = Accept(qemu_listener_);
    AcceptHostd();
  }
  void AcceptHostd() {
    hostd_ = std::make_unique<FrameSocket>(Accept(hostd_listener_), report::kReportMaxPayload);
  }

  /// Everything up, the first AgentLink taken.
  void StartConnected() {
    ListenAsQemu();
    ListenAsHostd();
    StartAgentd();
    AcceptBoth();
    ASSERT_EQ(AgentLink::kUp, NextLink().state);
  }

  Status GuestSays(ByteView bytes) { return WriteAll(qemu_.get(), bytes, 5s); }

  Frame NextFrame() {
    auto f = hostd_->Receive(10s);
    EXPECT_TRUE(f) << f.error().message;
    return f ? std::move(f->frame) : Frame{};
  }
  AgentLink NextLink() {
    auto m = report::DecodeToHostd(NextFrame());
    EXPECT_TRUE(m);
    return m ? std::get<AgentLink>(*m) : AgentLink{99, "none"};
  }
  template <typename M>
  M Next() {
    auto m = control::DecodeGuest(NextFrame());
    EXPECT_TRUE(m);
    EXPECT_TRUE(m && std::holds_alternative<M>(*m));
    return m && std::holds_alternative<M>(*m) ? std::get<M>(*m) : M{};
  }
  /// True when agentd ends the connection to the guest.
  bool GuestIsDropped() {
    std::array<char, 4096> buffer;
    for (;;) {
      pollfd p{qemu_.get(), POLLIN, 0};
      if (::poll(&p, 1, 5000) != 1) return false;
      if (::read(qemu_.get(), buffer.data(), buffer.size()) <= 0) return true;
    }
  }

  std::string StatusField(const std::string& field) {
    std::ifstream status("/proc/" + std::to_string(child_.pid) + "/status");
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with(field + ":"))
        return line.substr(line.find_first_not_of(" \t", field.size() + 1));
    }
    return {};
  }
  long PeakKib() { return std::strtol(StatusField("VmHWM").c_str(), nullptr, 10); }

  std::string program_;
  Paths paths_;
  Child child_;
  UniqueFd qemu_listener_, hostd_listener_, qemu_;
  std::unique_ptr<FrameSocket> hostd_;
};

TEST_F(AgentdTest, CarriesMessagesBothWays) {
  StartConnected();
  ASSERT_TRUE(GuestSays(HelloBytes()));
  EXPECT_EQ("boot-1", Next<control::Hello>().boot_id);
  control::Welcome welcome;
  welcome.level = "low";
  ASSERT_TRUE(WriteAll(hostd_->fd(), control::Encode(HostMessage(welcome)), 5s));
  FrameSocket guest(std::move(qemu_), control::kControlMaxPayload);
  auto frame = guest.Receive(5s);
  ASSERT_TRUE(frame) << frame.error().message;
  EXPECT_EQ("low", std::get<control::Welcome>(*control::DecodeHost(frame->frame)).level);
}

TEST_F(AgentdTest, RunsConfined) {
  StartConnected();
  ASSERT_TRUE(GuestSays(HelloBytes()));
  Next<control::Hello>();
  EXPECT_EQ("2", StatusField("Seccomp"));
  EXPECT_EQ("1", StatusField("NoNewPrivs"));
}

TEST_F(AgentdTest, SaysThatTheLinkIsDownWhileNoMachineRuns) {
  ListenAsHostd();
  StartAgentd();
  AcceptHostd();
  AgentLink link = NextLink();
  EXPECT_EQ(AgentLink::kDown, link.state);
  EXPECT_THAT(link.reason, HasSubstr("does not run"));
}

TEST_F(AgentdTest, FindsAMachineThatStartsLaterAndOneThatStartsAgain) {
  ListenAsHostd();
  StartAgentd();
  AcceptHostd();
  ASSERT_EQ(AgentLink::kDown, NextLink().state);
  ListenAsQemu();
  qemu_ = Accept(qemu_listener_);
  ASSERT_EQ(AgentLink::kUp, NextLink().state);
  qemu_.reset();
  ASSERT_EQ(AgentLink::kDown, NextLink().state);
  qemu_ = Accept(qemu_listener_);
  ASSERT_EQ(AgentLink::kUp, NextLink().state);
}

TEST_F(AgentdTest, RestartedHostdHearsLinkHelloAndReadyAgain) {
  StartConnected();
  ASSERT_TRUE(GuestSays(HelloBytes()));
  ASSERT_TRUE(GuestSays(ReadyBytes()));
  Next<control::Hello>();
  Next<control::Ready>();
  for (int restart = 0; restart < 2; ++restart) {
    hostd_.reset();
    hostd_listener_.reset();
    ListenAsHostd();
    AcceptHostd();
    EXPECT_EQ(AgentLink::kUp, NextLink().state);
    EXPECT_EQ("boot-1", Next<control::Hello>().boot_id);
    Next<control::Ready>();
  }
  pollfd p{qemu_.get(), POLLIN, 0};
  EXPECT_EQ(0, ::poll(&p, 1, 0)) << "the guest noticed";
}

TEST_F(AgentdTest, GuestThatIsNotReadyIsNotReadyForANewHostdEither) {
  StartConnected();
  ASSERT_TRUE(GuestSays(HelloBytes()));
  Next<control::Hello>();
  hostd_.reset();
  AcceptHostd();
  EXPECT_EQ(AgentLink::kUp, NextLink().state);
  Next<control::Hello>();
  pollfd p{hostd_->fd(), POLLIN, 0};
  EXPECT_EQ(0, ::poll(&p, 1, 100));
}

TEST_F(AgentdTest, DeliveriesWaitForAHostdThatIsAway) {
  StartConnected();
  ASSERT_TRUE(GuestSays(HelloBytes()));
  Next<control::Hello>();
  hostd_.reset();
  hostd_listener_.reset();
  std::this_thread::sleep_for(100ms);
  ASSERT_TRUE(GuestSays(control::Encode(GuestMessage(control::Health{}))));
  ASSERT_TRUE(GuestSays(control::Encode(GuestMessage(control::Delivered{"up", {}, true, ""}))));
  std::this_thread::sleep_for(100ms);
  ListenAsHostd();
  AcceptHostd();
  EXPECT_EQ(AgentLink::kUp, NextLink().state);
  Next<control::Hello>();
  EXPECT_EQ("up", Next<control::Delivered>().flow);
}

TEST_F(AgentdTest, CannotBeMadeToGrowByAFrameOfFourGibibytes) {
  StartConnected();
  ASSERT_TRUE(GuestSays(HelloBytes()));
  Next<control::Hello>();
  long before = PeakKib();
  ASSERT_TRUE(GuestSays(EncodeFrameHeader(control::Health::kType, 0xFFFFFFFF)));
  AgentLink link = NextLink();
  EXPECT_EQ(AgentLink::kProtocolError, link.state);
  EXPECT_THAT(link.reason, HasSubstr("declares more than 65536 bytes"));
  EXPECT_TRUE(GuestIsDropped());
  EXPECT_LT(PeakKib() - before, 4096);
}

TEST_F(AgentdTest, CannotBeMadeToGrowByGarbage) {
  StartConnected();
  long before = PeakKib();
  Bytes junk(1 << 20, 0xA5);
  (void)GuestSays(junk);
  (void)GuestSays(junk);
  AgentLink link = NextLink();
  EXPECT_EQ(AgentLink::kProtocolError, link.state);
  EXPECT_THAT(link.reason, HasSubstr("no hello"));
  EXPECT_LT(PeakKib() - before, 4096);
}

TEST_F(AgentdTest, CannotBeFloodedAndWaitsLongerEachTime) {
  StartConnected();
  Bytes flood;
  for (int i = 0; i < 600; ++i) {
    Bytes ready = ReadyBytes();
    flood.insert(flood.end(), ready.begin(), ready.end());
  }
  std::vector<std::chrono::milliseconds> waits;
  for (int round = 0; round < 3; ++round) {
    ASSERT_TRUE(GuestSays(HelloBytes()));
    (void)GuestSays(flood);
    for (;;) {
      Frame f = NextFrame();
      if (f.type != AgentLink::kType) continue;
      auto link = std::get<AgentLink>(*report::DecodeToHostd(f));
      ASSERT_EQ(AgentLink::kProtocolError, link.state);
      EXPECT_THAT(link.reason, HasSubstr("more than 200 control messages a second"));
      break;
    }
    auto dropped = Clock::now();
    qemu_ = Accept(qemu_listener_);
    waits.push_back(std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - dropped));
    ASSERT_EQ(AgentLink::kUp, NextLink().state);
  }
  EXPECT_GT(waits[1], waits[0]);
  EXPECT_GT(waits[2], waits[1]);
}

TEST_F(AgentdTest, MuchRunOutputArrivesWholeButNotFasterThanAllowed) {
  StartConnected();
  ASSERT_TRUE(GuestSays(HelloBytes()));
  Next<control::Hello>();
  constexpr int kFrames = 512;  // 16 MiB: 8 at once, 8 in one second
  auto start = Clock::now();
  std::thread guest([&] {
    Bytes page = control::Encode(GuestMessage(control::RunOutput{1, 1, Bytes(32768, 'x')}));
    for (int i = 0; i < kFrames; ++i) {
      if (!WriteAll(qemu_.get(), page, 10s)) return;
    }
  });
  for (int i = 0; i < kFrames; ++i) {
    if (Next<control::RunOutput>().data.size() != 32768u) break;
  }
  guest.join();
  EXPECT_GT(Clock::now() - start, 900ms);
  EXPECT_LT(PeakKib(), 400'000);
}

TEST_F(AgentdTest, CannotHoldUpHostdByNotReading) {
  StartConnected();
  ASSERT_TRUE(GuestSays(HelloBytes()));
  Next<control::Hello>();
  control::Run run;
  run.user = "user";
  run.argv.assign(16, std::string(4000, 'x'));
  Bytes message = control::Encode(HostMessage(run));
  for (int i = 0; i < 64; ++i) ASSERT_TRUE(WriteAll(hostd_->fd(), message, 5s)) << i;
  AgentLink link = NextLink();
  EXPECT_EQ(AgentLink::kProtocolError, link.state);
  EXPECT_THAT(link.reason, HasSubstr("does not read"));
}

TEST_F(AgentdTest, HostdThatTalksNonsenseIsLeftAndSoughtAgain) {
  StartConnected();
  ASSERT_TRUE(WriteAll(hostd_->fd(), Bytes(64, 'x'), 5s));
  AcceptHostd();
  EXPECT_EQ(AgentLink::kUp, NextLink().state);
}

TEST_F(AgentdTest, RefusesArgumentsThatAreNotALevel) {
  for (const char* level : {"../low", "Low", "", "a/b", "-low"}) {
    ProcessSpec spec;
    spec.argv = {program_, "--level", level};
    spec.run_as = RunAs::Unchanged();
    auto child = Spawn(spec);
    ASSERT_TRUE(child);
    int status = 0;
    ::waitpid(child->pid, &status, 0);
    EXPECT_EQ(2, WEXITSTATUS(status)) << level;
  }
}

TEST_F(AgentdTest, SilenceOfTheGuestIsToldOnceWithItsReason) {
  ListenAsQemu();
  ListenAsHostd();
  Relay relay(paths_.ChannelSocket("low", "control"), paths_.ReportSocket(), 1000ms);
  relay.RunOnce(0ms);
  AcceptBoth();
  ASSERT_TRUE(GuestSays(Bytes(20, 'x')));
  auto until = Clock::now() + 1500ms;
  while (Clock::now() < until) relay.RunOnce(50ms);
  EXPECT_EQ("", NextLink().reason);
  AgentLink link = NextLink();
  EXPECT_EQ(AgentLink::kUp, link.state);
  EXPECT_THAT(link.reason, HasSubstr("no hello for 1 s"));
  EXPECT_THAT(link.reason, HasSubstr("bytes that are no message"));
  pollfd p{hostd_->fd(), POLLIN, 0};
  EXPECT_EQ(0, ::poll(&p, 1, 0));
}

// QEMU holds a port back for ever when its host leaves while the guest writes and does not read
// (virtio-console throttles the port after it was closed): only another connection frees it.
TEST_F(AgentdTest, ConnectsAnewToALevelThatStaysSilentUntilItSaysHello) {
  ListenAsQemu();
  ListenAsHostd();
  Relay relay(paths_.ChannelSocket("low", "control"), paths_.ReportSocket(), 200ms);
  auto turn = [&relay](std::chrono::milliseconds time) {
    for (auto end = Clock::now() + time; Clock::now() < end;) relay.RunOnce(10ms);
  };
  auto connects = [&] {
    pollfd p{qemu_listener_.get(), POLLIN, 0};
    for (auto end = Clock::now() + 5s; Clock::now() < end;) {
      if (::poll(&p, 1, 0) == 1) return true;
      relay.RunOnce(10ms);
    }
    return false;
  };
  relay.RunOnce(0ms);
  AcceptBoth();
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(connects());
    EXPECT_TRUE(GuestIsDropped());
    qemu_ = Accept(qemu_listener_);
  }
  ASSERT_TRUE(GuestSays(HelloBytes()));
  turn(600ms);
  EXPECT_EQ("", NextLink().reason);
  EXPECT_THAT(NextLink().reason, HasSubstr("no hello"));  // told once, not with each attempt
  EXPECT_EQ("boot-1", Next<control::Hello>().boot_id);
  pollfd p{qemu_listener_.get(), POLLIN, 0};
  EXPECT_EQ(0, ::poll(&p, 1, 0)) << "a level that said hello was left";
}

}  // namespace
}  // namespace bulkhead::agentd
