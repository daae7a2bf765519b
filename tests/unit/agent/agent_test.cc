// SPDX-License-Identifier: GPL-2.0-or-later
/// The agent as a whole, with its real workers, between a fake guest and a socket that plays the
/// host.
#include "guest-images/agent/agent.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <csignal>
#include <fstream>
#include <random>
#include <set>
#include <thread>

#include "tests/unit/agent/fake_guest.h"

namespace bulkhead::agent {
namespace {

using control::GuestMessage;
using control::HostMessage;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

class AgentTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* program = std::getenv("BULKHEAD_TEST_AGENT");
    if (program == nullptr) GTEST_SKIP() << "BULKHEAD_TEST_AGENT does not name the program";
    config_.program = program;
    config_.send_socket = folder_.path + "/send.sock";
    config_.ids_folder = folder_.path;
    config_.user.home = folder_.path;
    host_ = guest_.AddPort(control::kPortName);
    auto agent = Agent::Create(guest_, config_);
    ASSERT_TRUE(agent) << agent.error().message;
    agent_ = std::move(*agent);
  }

  void HostSays(const HostMessage& message) {
    Bytes frame = control::Encode(message);
    ASSERT_TRUE(WriteAll(host_.get(), frame, 5s));
  }

  /// Turns the agent until it has said a message of type M; others go to `seen_`.
  template <typename M>
  std::optional<M> Expect(std::chrono::milliseconds patience = 10s) {
    auto until = std::chrono::steady_clock::now() + patience;
    while (std::chrono::steady_clock::now() < until) {
      agent_->RunOnce(10ms);
      while (auto message = NextSaid()) {
        if (auto* m = std::get_if<M>(&*message)) return *m;
        seen_.push_back(std::move(*message));
      }
    }
    return std::nullopt;
  }
  std::optional<GuestMessage> NextSaid() {
    auto said = NextFrom(host_.get(), reader_, pending_, control::DecodeGuest, 0ms);
    if (!said) return std::nullopt;
    return std::move(*said);
  }
  void Settle(int turns = 20) {
    for (int i = 0; i < turns; ++i) agent_->RunOnce(5ms);
  }

  control::Welcome SampleWelcome() {
    control::Welcome w;
    w.level = "low";
    w.time_us = 1'800'000'000'000'000;
    w.ipv4 = "10.77.0.6/30";
    w.outgoing = {{"up", "high"}};
    w.incoming = {{"down", "top"}};
    return w;
  }
  void BecomeReady() {
    ASSERT_TRUE(Expect<control::Hello>());
    HostSays(SampleWelcome());
    ASSERT_TRUE(Expect<control::Ready>());
  }

  struct RunResult {
    int status = -1;
    std::string out, err;
  };
  RunResult AwaitRun(std::uint32_t run) {
    RunResult result;
    auto exit = Expect<control::RunExit>();
    if (!exit || exit->run != run) return result;
    for (const auto& m : seen_) {
      if (auto* o = std::get_if<control::RunOutput>(&m)) {
        (o->stream == 1 ? result.out : result.err).append(o->data.begin(), o->data.end());
      }
    }
    result.status = exit->status;
    seen_.clear();
    return result;
  }
  RunResult Run(std::vector<std::string> argv, const std::string& user = "user") {
    HostSays(control::Run{++run_, user, std::move(argv)});
    return AwaitRun(run_);
  }

  Folder folder_;
  FakeGuest guest_;
  AgentConfig config_;
  UniqueFd host_;
  std::unique_ptr<Agent> agent_;
  FrameReader reader_{control::kControlMaxPayload};
  Bytes pending_;
  std::vector<GuestMessage> seen_;
  std::uint32_t run_ = 0;
};

TEST_F(AgentTest, SaysHelloAppliesTheWelcomeAndIsReady) {
  auto hello = Expect<control::Hello>();
  ASSERT_TRUE(hello);
  EXPECT_EQ(hello->image, "minimal");
  HostSays(SampleWelcome());
  ASSERT_TRUE(Expect<control::Ready>());
  EXPECT_EQ(guest_.host_name, "low");
  EXPECT_EQ(guest_.address, "10.77.0.6/30");
  EXPECT_EQ(guest_.clock, 1'800'000'000'000'000);
  EXPECT_TRUE(Expect<control::Health>());
}

TEST_F(AgentTest, IsNotReadyBeforeItsNetworkAndTheSystemAre) {
  guest_.network_there = false;
  guest_.up = false;
  ASSERT_TRUE(Expect<control::Hello>());
  HostSays(SampleWelcome());
  EXPECT_FALSE(Expect<control::Ready>(300ms));
  guest_.network_there = true;
  EXPECT_FALSE(Expect<control::Ready>(600ms));
  guest_.up = true;
  EXPECT_TRUE(Expect<control::Ready>());
}

TEST_F(AgentTest, ClockAndShutdownAreObeyed) {
  BecomeReady();
  HostSays(control::Clock{77});
  HostSays(control::Shutdown{});
  Settle();
  EXPECT_EQ(guest_.clock, 77);
  EXPECT_TRUE(guest_.powered_off);
}

TEST_F(AgentTest, CannotBeCommandedBeforeTheWelcome) {
  ASSERT_TRUE(Expect<control::Hello>());
  HostSays(control::Shutdown{});
  Settle();
  EXPECT_FALSE(guest_.powered_off);
}

TEST_F(AgentTest, AnotherHelloIsAnsweredByAnotherReady) {
  BecomeReady();
  HostSays(SampleWelcome());
  EXPECT_TRUE(Expect<control::Ready>());
}

TEST_F(AgentTest, CannotBeBroughtDownByHostileBytes) {
  BecomeReady();
  std::mt19937 random(11);
  Bytes good = control::Encode(HostMessage(SampleWelcome()));
  for (int i = 0; i < 200; ++i) {
    Bytes bad = good;
    for (int k = 0; k < 5; ++k) bad[random() % bad.size()] = static_cast<std::uint8_t>(random());
    ASSERT_TRUE(WriteAll(host_.get(), bad, 1s));
    agent_->RunOnce(1ms);
    while (NextSaid()) {
    }
  }
  // Out of step: it says hello again, and all is well after the next welcome.
  ASSERT_TRUE(WriteAll(host_.get(), Bytes(100'000, 0), 5s));
  ASSERT_TRUE(Expect<control::Hello>());
  HostSays(SampleWelcome());
  EXPECT_TRUE(Expect<control::Ready>());
}

TEST_F(AgentTest, AFrameThatIsCutOffForASecondBringsAnotherHello) {
  BecomeReady();
  Bytes frame = control::Encode(HostMessage(SampleWelcome()));
  frame.resize(9);
  ASSERT_TRUE(WriteAll(host_.get(), frame, 1s));
  EXPECT_TRUE(Expect<control::Hello>(5s));
}

TEST_F(AgentTest, RunsAProgramAsTheLevelsUserInItsHome) {
  BecomeReady();
  auto ran = Run({"sh", "-c", "id -u; pwd; echo no >&2; read x || echo eof; exit 5"});
  EXPECT_EQ(ran.status, 5);
  EXPECT_EQ(ran.out, "1000\n" + folder_.path + "\neof\n");
  EXPECT_EQ(ran.err, "no\n");
}

TEST_F(AgentTest, RunsAsRootOnlyWhenAskedByName) {
  BecomeReady();
  EXPECT_EQ(Run({"id", "-u"}, "root").out, "0\n");
  for (const char* user : {"", "daemon", "root ", "0"}) {
    EXPECT_EQ(Run({"id", "-u"}, user).status, 127) << user;
  }
}

TEST_F(AgentTest, AProgramThatIsNotThereIs127WithASentence) {
  BecomeReady();
  auto ran = Run({"no-such-program"});
  EXPECT_EQ(ran.status, 127);
  EXPECT_THAT(ran.err, HasSubstr("no-such-program: No such file"));
  EXPECT_EQ(Run({}).status, 127);
  EXPECT_EQ(Run({"/etc"}).status, 126);
}

TEST_F(AgentTest, ASignalledProgramIs128AndItsNumber) {
  BecomeReady();
  EXPECT_EQ(Run({"sh", "-c", "kill -9 $$"}).status, 137);
}

TEST_F(AgentTest, AllOutputComesBeforeTheExit) {
  BecomeReady();
  auto ran = Run({"sh", "-c", "head -c 2000000 /dev/zero | tr '\\0' x"});
  EXPECT_EQ(ran.status, 0);
  EXPECT_EQ(ran.out.size(), 2'000'000u);
}

TEST_F(AgentTest, OutputThatTheHostDoesNotReadMakesTheProgramWait) {
  BecomeReady();
  HostSays(control::Run{5, "user", {"yes"}});
  for (int i = 0; i < 300; ++i) agent_->RunOnce(5ms);
  // The socket's buffer and the queue's bound, not what `yes` could write meanwhile.
  std::size_t bytes = 0;
  while (auto m = NextSaid()) {
    if (auto* o = std::get_if<control::RunOutput>(&*m)) bytes += o->data.size();
  }
  EXPECT_GT(bytes, 0u);
  EXPECT_LT(bytes, 4u << 20);
  HostSays(control::RunCancel{5});
  auto exit = Expect<control::RunExit>();
  ASSERT_TRUE(exit);
  EXPECT_EQ(exit->status, 137);
}

TEST_F(AgentTest, CancelKillsWhatTheProgramStartedToo) {
  BecomeReady();
  HostSays(control::Run{9, "user", {"sh", "-c", "sleep 600 & echo $!; wait"}});
  auto output = Expect<control::RunOutput>();
  ASSERT_TRUE(output);
  pid_t child = std::stoi(std::string(output->data.begin(), output->data.end()));
  HostSays(control::RunCancel{9});
  ASSERT_EQ(Expect<control::RunExit>()->status, 137);
  for (int i = 0; i < 100 && ::kill(child, 0) == 0; ++i) {
    std::ifstream stat("/proc/" + std::to_string(child) + "/stat");
    std::string text((std::istreambuf_iterator<char>(stat)), {});
    if (text.find(") Z ") != std::string::npos) break;  // dead; nobody here is its parent
    std::this_thread::sleep_for(10ms);
    ASSERT_LT(i, 99) << "the child lives";
  }
}

TEST_F(AgentTest, AProgramThatLeavesAnotherBehindStillEnds) {
  BecomeReady();
  auto start = std::chrono::steady_clock::now();
  auto ran = Run({"sh", "-c", "sleep 8 & echo started"});
  EXPECT_LT(std::chrono::steady_clock::now() - start, 3s);
  EXPECT_EQ(ran.status, 0);
  EXPECT_EQ(ran.out, "started\n");
}

// --- files in ----------------------------------------------------------------------------------

class InFlowTest : public AgentTest {
 protected:
  void SetUp() override {
    port_ = guest_.AddPort("org.bulkhead.in.down");
    AgentTest::SetUp();
    if (IsSkipped()) return;
    BecomeReady();
  }
  void Feed(const transfer::Message& message) {
    ASSERT_TRUE(WriteAll(port_.get(), transfer::Encode(message), 5s));
  }
  UniqueFd port_;
};

TEST_F(InFlowTest, AFileIsStoredAndAcknowledged) {
  Bytes content(100'000, 'x');
  Feed(transfer::StreamStart{});
  transfer::Begin begin;
  begin.id.fill(4);
  begin.name = "in.txt";
  begin.size = content.size();
  Feed(begin);
  Feed(transfer::Data{content});
  Feed(transfer::End{Sha256Of(content)});
  auto delivered = Expect<control::Delivered>();
  ASSERT_TRUE(delivered);
  EXPECT_TRUE(delivered->stored) << delivered->reason;
  EXPECT_EQ(delivered->flow, "down");
  struct stat st{};
  ASSERT_EQ(0, ::stat((folder_.path + "/Incoming/top/in.txt").c_str(), &st));
  EXPECT_EQ(st.st_uid, 1000u);
  EXPECT_EQ(st.st_size, 100'000);
}

TEST_F(InFlowTest, CannotNameAFlowOrLevelThatIsAPath) {
  auto w = SampleWelcome();
  w.incoming = {{"../x", "top"}, {"down", "../../etc"}, {"", ""}};
  HostSays(w);
  ASSERT_TRUE(Expect<control::Ready>());
  Settle();
  EXPECT_FALSE(std::filesystem::exists(folder_.path + "/Incoming"));
}

// --- files out ---------------------------------------------------------------------------------

class SendTest : public AgentTest {
 protected:
  void SetUp() override {
    port_ = guest_.AddPort("org.bulkhead.out.up");
    AgentTest::SetUp();
    if (IsSkipped()) return;
    BecomeReady();
  }

  std::string MakeFile(const std::string& content) {
    std::string path = folder_.path + "/file";
    std::ofstream(path) << content;
    return path;
  }
  FrameSocket Ask(const std::string& to, const std::string& name, std::vector<int> fds) {
    auto fd = ConnectUnix(config_.send_socket);
    EXPECT_TRUE(fd);
    EXPECT_TRUE(WriteAll(fd->get(), Encode(SendMessage(SendRequest{to, name})), 1s, fds));
    return FrameSocket(std::move(*fd), kSendMaxPayload);
  }
  FrameSocket AskFile(const std::string& to, const std::string& name, const std::string& path) {
    UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    return Ask(to, name, {fd.get()});
  }
  std::optional<SendResult> ResultOf(FrameSocket& socket) {
    for (int i = 0; i < 2000; ++i) {
      agent_->RunOnce(5ms);
      // A short look: the socket has a frame whole or not at all.
      pollfd p{socket.fd(), POLLIN, 0};
      if (::poll(&p, 1, 0) != 1) continue;
      auto received = socket.Receive(100ms);
      if (!received) return std::nullopt;
      auto message = DecodeSend(received->frame);
      if (auto* result = message ? std::get_if<SendResult>(&*message) : nullptr) return *result;
    }
    return std::nullopt;
  }
  template <typename M>
  std::optional<M> OnPort() {
    for (;;) {
      auto m = NextFrom(port_.get(), port_reader_, port_pending_, transfer::Decode, 5s);
      if (!m) return std::nullopt;
      if (auto* wanted = std::get_if<M>(&*m)) return *wanted;
      if (auto* data = std::get_if<transfer::Data>(&*m)) {
        content_.append(data->bytes.begin(), data->bytes.end());
      }
    }
  }

  UniqueFd port_;
  FrameReader port_reader_{transfer::kMaxPayload, transfer::StreamStart::kType};
  Bytes port_pending_;
  std::string content_;
};

TEST_F(SendTest, AFileGoesOutWholeUnderItsName) {
  std::string content(150'000, 'q');
  auto socket = AskFile("high", "name.txt", MakeFile(content));
  std::optional<transfer::Begin> begin;
  std::optional<transfer::End> end;
  std::thread host([&] {
    begin = OnPort<transfer::Begin>();
    end = OnPort<transfer::End>();
  });
  auto result = ResultOf(socket);
  host.join();
  ASSERT_TRUE(result);
  EXPECT_EQ(result->code, kHandedOver) << result->sentence;
  ASSERT_TRUE(begin && end);
  EXPECT_EQ(begin->name, "name.txt");
  EXPECT_EQ(begin->size, content.size());
  EXPECT_EQ(content_, content);
  EXPECT_EQ(end->sha256, Sha256Of(ByteView(reinterpret_cast<const std::uint8_t*>(content.data()),
                                           content.size())));
}

TEST_F(SendTest, TransfersOfOneFlowGoOneAfterTheOther) {
  std::string path = MakeFile("x");
  std::vector<FrameSocket> sockets;
  for (int i = 0; i < 4; ++i) sockets.push_back(AskFile("high", "n" + std::to_string(i), path));
  std::set<std::string> names;
  std::thread host([&] {
    for (int i = 0; i < 4; ++i) {
      if (auto begin = OnPort<transfer::Begin>()) names.insert(begin->name);
      OnPort<transfer::End>();
    }
  });
  for (auto& socket : sockets) EXPECT_EQ(ResultOf(socket)->code, kHandedOver);
  host.join();
  EXPECT_EQ(names.size(), 4u);
}

TEST_F(SendTest, NoFlowIsRefusedInOneSentenceAndTheHostIsTold) {
  auto socket = AskFile("secret", "a", MakeFile("x"));
  auto result = ResultOf(socket);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->code, kRefused);
  EXPECT_EQ(result->sentence, "no flow leads from low to secret");
  auto refused = Expect<control::SendRefused>();
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->to, "secret");
}

TEST_F(SendTest, CannotSendUnderAHostileName) {
  for (const char* name : {"../a", ".a", "", "a\nb", "-rf"}) {
    auto socket = AskFile("high", name, MakeFile("x"));
    auto result = ResultOf(socket);
    ASSERT_TRUE(result);
    EXPECT_EQ(result->code, kRefused) << name;
  }
}

TEST_F(SendTest, CannotFloodTheHostWithRefusals) {
  std::string path = MakeFile("x");
  for (int i = 0; i < 60; ++i) {
    auto socket = AskFile("secret", "a", path);
    ASSERT_TRUE(ResultOf(socket));
  }
  int told = 0;
  Settle();
  for (const auto& m : seen_) told += std::holds_alternative<control::SendRefused>(m);
  while (auto m = NextSaid()) told += std::holds_alternative<control::SendRefused>(*m);
  EXPECT_GE(told, 1);
  EXPECT_LE(told, 40);
}

TEST_F(SendTest, CannotSendWhatIsNoRegularFileOpenForReading) {
  int pipe_fds[2];
  ASSERT_EQ(0, ::pipe2(pipe_fds, O_CLOEXEC));
  UniqueFd read_end(pipe_fds[0]), write_end(pipe_fds[1]);
  std::string path = MakeFile("x");
  UniqueFd path_only(::open(path.c_str(), O_PATH | O_CLOEXEC));
  UniqueFd write_only(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  UniqueFd folder(::open("/tmp", O_RDONLY | O_CLOEXEC));
  for (int fd : {read_end.get(), path_only.get(), write_only.get(), folder.get()}) {
    auto socket = Ask("high", "a", {fd});
    auto result = ResultOf(socket);
    ASSERT_TRUE(result);
    EXPECT_EQ(result->code, kFailed);
  }
  auto none = Ask("high", "a", {});
  EXPECT_EQ(ResultOf(none)->code, kFailed);
}

TEST_F(SendTest, CannotStopTheDeskBySayingNothingOrNonsense) {
  std::vector<UniqueFd> silent;
  for (int i = 0; i < 10; ++i) silent.push_back(std::move(*ConnectUnix(config_.send_socket)));
  auto noise = ConnectUnix(config_.send_socket);
  ASSERT_TRUE(WriteAll(noise->get(), Bytes(5000, 0x42), 1s));
  Settle();
  auto socket = AskFile("secret", "a", MakeFile("x"));
  EXPECT_EQ(ResultOf(socket)->code, kRefused);
}

TEST_F(SendTest, AFileThatShrinksIsGivenUpAndSaysSo) {
  std::string path = MakeFile(std::string(8 << 20, 'z'));
  auto socket = AskFile("high", "shrinks", path);
  ASSERT_FALSE(Expect<control::RunExit>(200ms));  // the worker starts, and waits for the port
  ASSERT_EQ(0, ::truncate(path.c_str(), 10));
  bool aborted = false;
  std::thread host([&] { aborted = OnPort<transfer::Abort>().has_value(); });
  auto result = ResultOf(socket);
  host.join();
  ASSERT_TRUE(result);
  EXPECT_EQ(result->code, kFailed);
  EXPECT_THAT(result->sentence, HasSubstr("changed while it was sent"));
  EXPECT_TRUE(aborted);
}

TEST_F(SendTest, AClientThatGoesAwayAbortsItsTransfer) {
  {
    auto socket = AskFile("high", "given-up", MakeFile(std::string(8 << 20, 'z')));
    ASSERT_FALSE(Expect<control::RunExit>(200ms));
  }
  bool aborted = false;
  std::thread host([&] { aborted = OnPort<transfer::Abort>().has_value(); });
  for (int i = 0; i < 200; ++i) agent_->RunOnce(5ms);
  host.join();
  EXPECT_TRUE(aborted);
}

}  // namespace
}  // namespace bulkhead::agent
