// SPDX-License-Identifier: GPL-2.0-or-later
/// console and events: what streams.
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "hostd/cli/json.h"
#include "hostd/cli/terminal.h"
#include "tests/unit/cli/cli_fixture.h"

namespace bulkhead::cli {
namespace {

using testing::HasSubstr;

struct Pair {
  Pair() {
    int ends[2];
    EXPECT_EQ(0, ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
    near.reset(ends[0]);
    far.reset(ends[1]);
  }
  UniqueFd near, far;
};

void Say(int fd, std::string_view text) {
  EXPECT_EQ(static_cast<ssize_t>(text.size()), ::write(fd, text.data(), text.size()));
}

/// All that can be read until the end, or `enough` bytes.
std::string Hear(int fd, std::size_t enough) {
  std::string text;
  char buffer[512];
  while (text.size() < enough) {
    ssize_t got = ::read(fd, buffer, std::min(sizeof buffer, enough - text.size()));
    if (got <= 0) break;
    text.append(buffer, static_cast<std::size_t>(got));
  }
  return text;
}

/// A relay in a thread: keyboard, screen and guest are the far ends.
struct Session {
  explicit Session(bool raw)
      : thread([this, raw] {
          end = RunRelay({keyboard.near.get(), screen.near.get(), guest.near.get(), raw});
        }) {}
  ~Session() {
    if (thread.joinable()) thread.join();
  }
  Pair keyboard, screen, guest;
  Result<RelayEnd> end = RelayEnd::kClosed;
  std::thread thread;
};

TEST(Console, RelaysBothWaysUntilCtrlBracket) {
  Session session(false);
  Say(session.keyboard.far.get(), "ls\r");
  EXPECT_EQ("ls\r", Hear(session.guest.far.get(), 3));
  Say(session.guest.far.get(), "file\r\n");
  EXPECT_EQ("file\r\n", Hear(session.screen.far.get(), 6));
  Say(session.keyboard.far.get(), "x\x1dnot sent");
  session.thread.join();
  EXPECT_EQ(RelayEnd::kLeft, session.end.value());
  session.guest.near.reset();
  EXPECT_EQ("x", Hear(session.guest.far.get(), 100));
}

TEST(Console, CannotDriveTheTerminal) {
  Session session(false);
  Say(session.guest.far.get(), "\033]0;t\007a\033[2Jb\a\xff\n");
  EXPECT_EQ("ab\\xFF\n", Hear(session.screen.far.get(), 7));
  session.guest.far.reset();
  session.thread.join();
  EXPECT_EQ(RelayEnd::kClosed, session.end.value());
}

TEST(Console, RawIsRaw) {
  Session session(true);
  Say(session.guest.far.get(), "\033[2J");
  EXPECT_EQ("\033[2J", Hear(session.screen.far.get(), 4));
  session.guest.far.reset();
}

TEST(Console, EndOfPipedInputLeavesTheGuestItsLastWords) {
  Session session(false);
  Say(session.keyboard.far.get(), "exit\n");
  session.keyboard.far.reset();
  EXPECT_EQ("exit\n", Hear(session.guest.far.get(), 5));
  Say(session.guest.far.get(), "bye\n");
  EXPECT_EQ("bye\n", Hear(session.screen.far.get(), 4));
  session.thread.join();
  EXPECT_EQ(RelayEnd::kLeft, session.end.value());
}

class GuestCommands : public CliTest {};

TEST_F(GuestCommands, ConsoleJoinsTheStreamOfHostd) {
  Pair keyboard;
  Pair screen;
  Say(keyboard.far.get(), "hello\x1d");
  Outcome outcome = Cli({"console", "low"}, [&](Surroundings& around) {
    around.in_fd = keyboard.near.get();
    around.out_fd = screen.near.get();
    around.err_is_tty = true;
  });
  EXPECT_EQ(kExitOk, outcome.code) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("Console of low; leave with Ctrl-]"));
  EXPECT_EQ("hello", Hear(Fake().world()->console.get(), 5));
}

class EventsTest : public CliTest {
 protected:
  /// Announces again and again until the command has its two events.
  Outcome Follow(std::vector<std::string> words) {
    bool done = false;
    std::mutex mutex;
    std::thread speaker([&] {
      for (int i = 0; i < 200; ++i) {
        ::usleep(20'000);
        std::lock_guard lock(mutex);
        if (done) break;
        Fake().Announce("LevelChanged", "low", {{"state", "'failed'"}, {"reason", "'\\u001b[2J'"}});
      }
    });
    Outcome outcome = Cli(words);
    {
      std::lock_guard lock(mutex);
      done = true;
    }
    speaker.join();
    return outcome;
  }
};

TEST_F(EventsTest, PrintsWhatHostdAnnounces) {
  Outcome outcome = Follow({"events", "--count", "2"});
  EXPECT_EQ(kExitOk, outcome.code) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("level low failed, \\x1B[2J\n"));
  EXPECT_EQ(2, std::count(outcome.out.begin(), outcome.out.end(), '\n'));
}

TEST_F(EventsTest, JsonIsOneObjectALine) {
  Outcome outcome = Follow({"events", "-n", "1", "--json"});
  auto json = ParseJson(outcome.out);
  ASSERT_TRUE(json) << outcome.out;
  EXPECT_EQ("level", json->Find("event")->Text());
  EXPECT_EQ("failed", json->Find("status")->Find("state")->Text());
  EXPECT_EQ(1, std::count(outcome.out.begin(), outcome.out.end(), '\n'));
}

}  // namespace
}  // namespace bulkhead::cli
