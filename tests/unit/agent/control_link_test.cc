// SPDX-License-Identifier: GPL-2.0-or-later
#include "guest-images/agent/control_link.h"

#include <gtest/gtest.h>

#include "tests/unit/agent/fake_guest.h"
#include "vmspec/base/socket.h"

namespace bulkhead::agent {
namespace {

using control::GuestMessage;
using control::HostMessage;
using namespace std::chrono_literals;

/// A link whose clock the test turns.
class ControlLinkTest : public ::testing::Test {
 protected:
  void SetUp() override {
    host_ = guest_.AddPort("p");
    link_.Open(*guest_.OpenPort("p"), now_);
  }
  std::vector<HostMessage> Turn(std::chrono::milliseconds later, bool signalled = false) {
    now_ += later;
    PollSet set;
    link_.AddWishes(set);
    set.Wait(0ms);
    return link_.Handle(set, signalled, now_);
  }
  void HostSays(const HostMessage& message) {
    ASSERT_TRUE(WriteAll(host_.get(), control::Encode(message), 1s));
  }
  int Hellos() {
    int hellos = 0;
    for (;;) {
      auto said = NextFrom(host_.get(), reader_, pending_, control::DecodeGuest, 0ms);
      if (!said) return hellos;
      hellos += std::holds_alternative<control::Hello>(*said);
    }
  }
  void BecomeWelcome() {
    Turn(0ms);
    ASSERT_EQ(1, Hellos());
    HostSays(control::Welcome{});
    ASSERT_EQ(1u, Turn(1s).size());
    ASSERT_TRUE(link_.welcomed());
  }

  FakeGuest guest_;
  UniqueFd host_;
  ControlLink link_{guest_.Identity()};
  TimePoint now_ = Clock::now();
  FrameReader reader_{control::kControlMaxPayload};
  Bytes pending_;
};

TEST_F(ControlLinkTest, AHostThatWasReplacedUnseenHearsHelloAgain) {
  BecomeWelcome();
  Turn(1s, /*signalled=*/true);
  EXPECT_EQ(1, Hellos());
}

TEST_F(ControlLinkTest, AReplacementRightAfterAHelloIsNotForgotten) {
  BecomeWelcome();
  Turn(1s, true);
  ASSERT_EQ(1, Hellos());
  Turn(50ms, true);
  EXPECT_EQ(0, Hellos());
  EXPECT_LE(link_.NextLook(), 200ms);
  Turn(400ms);
  EXPECT_EQ(1, Hellos());
}

TEST_F(ControlLinkTest, ASignalThatComesAfterItsDataIsNoReplacement) {
  BecomeWelcome();
  HostSays(control::Clock{1});
  EXPECT_EQ(1u, Turn(1s, true).size());
  Turn(1ms, true);
  Turn(1s);
  EXPECT_EQ(0, Hellos());
}

TEST_F(ControlLinkTest, AHelloOutOfDoubtLosesNothing) {
  BecomeWelcome();
  link_.Send(control::RunExit{1, 0});
  Turn(1s, true);
  HostSays(control::Clock{7});
  EXPECT_EQ(1u, Turn(1s).size()) << "commands are obeyed as before";
  bool exit = false, hello = false;
  while (auto said = NextFrom(host_.get(), reader_, pending_, control::DecodeGuest, 0ms)) {
    exit |= std::holds_alternative<control::RunExit>(*said);
    hello |= std::holds_alternative<control::Hello>(*said);
  }
  EXPECT_TRUE(exit && hello);
}

TEST_F(ControlLinkTest, AnUnansweredHelloIsSaidAgain) {
  Turn(0ms);
  EXPECT_EQ(1, Hellos());
  Turn(5s);
  EXPECT_EQ(0, Hellos());
  Turn(6s);
  EXPECT_EQ(1, Hellos());
}

TEST_F(ControlLinkTest, CannotBeMadeToSayHelloWithoutEnd) {
  BecomeWelcome();
  int hellos = 0;
  for (int i = 0; i < 100; ++i) {
    Turn(10ms, true);
    hellos += Hellos();
  }
  EXPECT_LE(hellos, 4);
}

TEST_F(ControlLinkTest, AfterTheHostWentItsOldCommandsDoNotCount) {
  BecomeWelcome();
  host_.reset();
  Turn(1s);
  EXPECT_FALSE(link_.welcomed());
}

}  // namespace
}  // namespace bulkhead::agent
