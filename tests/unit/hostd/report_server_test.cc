// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/report/report_server.h"

#include <glib.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>

#include "vmspec/base/report_messages.h"

namespace bulkhead::hostd {
namespace {

const Role kAgent{Role::Kind::kAgentd, "low"};

class ReportServerTest : public testing::Test {
 protected:
  ReportServerTest() {
    char name[] = "/tmp/report-test-XXXXXX";
    folder = ::mkdtemp(name);
    path = folder + "/report";
    auto made = ReportServer::Listen(
        path,
        {[this](uid_t uid) { return role_of(uid); }, [this](const Role& r) { up.push_back(r); },
         [this](const Role& r, const Frame& f) { return on_frame(r, f); },
         [this](const Role& r, const std::string& why) { gone.emplace_back(r, why); }});
    EXPECT_TRUE(made);
    server = std::move(*made);
  }
  ~ReportServerTest() override {
    server.reset();
    ::unlink(path.c_str());
    ::rmdir(folder.c_str());
  }
  template <typename Probe>
  bool Until(Probe probe) {
    for (int i = 0; i < 2000 && !probe(); ++i) {
      if (g_main_context_iteration(nullptr, FALSE) == FALSE) ::usleep(500);
    }
    return probe();
  }
  UniqueFd Connect() {
    auto fd = ConnectUnix(path);
    EXPECT_TRUE(fd);
    return std::move(*fd);
  }
  static Bytes Link() { return report::Encode(report::ToHostd(report::AgentLink{1, ""})); }

  std::string folder;
  std::string path;
  std::function<std::optional<Role>(uid_t)> role_of = [](uid_t) { return kAgent; };
  std::function<Status(const Role&, const Frame&)> on_frame = [this](const Role&, const Frame& f) {
    frames.push_back(f);
    return Status{};
  };
  std::vector<Role> up;
  std::vector<Frame> frames;
  std::vector<std::pair<Role, std::string>> gone;
  std::unique_ptr<ReportServer> server;
};

TEST_F(ReportServerTest, HandsOverWholeFramesOfAKnownSpeaker) {
  UniqueFd fd = Connect();
  Bytes link = Link();
  ASSERT_TRUE(WriteAll(fd.get(), ByteView(link).first(5), std::chrono::seconds(1)));
  ASSERT_TRUE(Until([&] { return up.size() == 1; }));
  EXPECT_TRUE(frames.empty());
  ASSERT_TRUE(WriteAll(fd.get(), ByteView(link).subspan(5), std::chrono::seconds(1)));
  EXPECT_TRUE(Until([&] { return frames.size() == 1; }));
  fd.reset();
  EXPECT_TRUE(Until([&] { return gone.size() == 1; }));
  EXPECT_FALSE(server->IsUp(kAgent));
}

TEST_F(ReportServerTest, CannotSpeakWithoutARole) {
  role_of = [](uid_t) { return std::nullopt; };
  UniqueFd fd = Connect();
  char byte = 0;
  for (int i = 0; i < 200; ++i) g_main_context_iteration(nullptr, FALSE);
  EXPECT_EQ(::read(fd.get(), &byte, 1), 0) << "the connection is closed";
  EXPECT_TRUE(up.empty());
}

TEST_F(ReportServerTest, CannotSendAFrameOf4GiB) {
  UniqueFd fd = Connect();
  auto header = EncodeFrameHeader(1, 0xffffffffU);
  ASSERT_TRUE(WriteAll(fd.get(), header, std::chrono::seconds(1)));
  EXPECT_TRUE(Until([&] { return gone.size() == 1; }));
  EXPECT_TRUE(frames.empty());
}

TEST_F(ReportServerTest, ANewConnectionOfTheSameSpeakerReplacesTheOld) {
  UniqueFd first = Connect();
  ASSERT_TRUE(Until([&] { return up.size() == 1; }));
  UniqueFd second = Connect();
  ASSERT_TRUE(Until([&] { return up.size() == 2; }));
  EXPECT_EQ(gone.size(), 1U);
  ASSERT_TRUE(server->Send(kAgent, report::Encode(report::FromHostd(report::GuestReady{}))));
  char byte = 0;
  EXPECT_EQ(::read(second.get(), &byte, 1), 1);
  EXPECT_EQ(::read(first.get(), &byte, 1), 0);
}

TEST_F(ReportServerTest, ASpeakerThatDoesNotReadIsCutOffAndNobodyWaits) {
  UniqueFd fd = Connect();
  ASSERT_TRUE(Until([&] { return up.size() == 1; }));
  Bytes big = EncodeFrame(1, Bytes(60'000));
  int sent = 0;
  while (server->Send(kAgent, big) && sent < 1000) ++sent;
  EXPECT_LT(sent, 1000);
  EXPECT_EQ(gone.size(), 1U);
}

TEST_F(ReportServerTest, CannotMakeItSpinByTakingEveryDescriptor) {
  UniqueFd caller(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  // The lowest free number is the limit: the next descriptor is one too many.
  UniqueFd next(::dup(caller.get()));
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit none{static_cast<rlim_t>(next.get()), before.rlim_max};
  next.reset();
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  EXPECT_EQ(::connect(caller.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  int rounds = 0;
  for (int i = 0; i < 100; ++i) {
    if (g_main_context_iteration(nullptr, FALSE) != FALSE) ++rounds;
    ::usleep(1000);
  }
  EXPECT_LT(rounds, 10);
  EXPECT_TRUE(up.empty());
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(Until([&] { return up.size() == 1; })) << "who waited is let in";
}

TEST_F(ReportServerTest, AHandlerMayCutOffTheSpeakerItHears) {
  on_frame = [this](const Role& r, const Frame&) {
    while (server->Send(r, EncodeFrame(1, Bytes(60'000)))) {
    }
    return Status{};
  };
  UniqueFd fd = Connect();
  Bytes two = Link();
  Bytes again = Link();
  two.insert(two.end(), again.begin(), again.end());
  ASSERT_TRUE(WriteAll(fd.get(), two, std::chrono::seconds(1)));
  EXPECT_TRUE(Until([&] { return gone.size() == 1; }));
}

}  // namespace
}  // namespace bulkhead::hostd
