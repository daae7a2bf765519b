// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/cli/terminal.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstddef>
#include <optional>
#include <string_view>

#include "hostd/cli/console_filter.h"
#include "vmspec/base/file.h"
#include "vmspec/base/unique_fd.h"

namespace bulkhead::cli {

namespace {

constexpr char kLeave = 0x1D;  // Ctrl-]
constexpr int kQuietMs =
    1000;  // after the end of a piped input: so long for the guest's last words

/// Raw mode for the life of the object; nothing when `fd` is no terminal.
class RawTerminal {
 public:
  explicit RawTerminal(int fd) : fd_(fd) {
    if (::tcgetattr(fd, &before_) != 0) return;
    termios raw = before_;
    ::cfmakeraw(&raw);
    changed_ = ::tcsetattr(fd, TCSANOW, &raw) == 0;
  }
  ~RawTerminal() {
    if (changed_) ::tcsetattr(fd_, TCSANOW, &before_);
  }
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;

 private:
  int fd_;
  termios before_{};
  bool changed_ = false;
};

/// The signals that end us, as a descriptor, so that the terminal is restored before we end.
class EndingSignals {
 public:
  EndingSignals() {
    sigset_t ending;
    ::sigemptyset(&ending);
    for (int signal : {SIGINT, SIGTERM, SIGHUP}) ::sigaddset(&ending, signal);
    ::pthread_sigmask(SIG_BLOCK, &ending, &before_);
    fd_.reset(::signalfd(-1, &ending, SFD_CLOEXEC | SFD_NONBLOCK));
  }
  ~EndingSignals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  EndingSignals(const EndingSignals&) = delete;
  EndingSignals& operator=(const EndingSignals&) = delete;
  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  sigset_t before_{};
  UniqueFd fd_;
};

/// Bytes read from `fd` into `buffer`; empty at its end.
Result<std::string_view> ReadSome(int fd, std::array<char, 4096>& buffer) {
  ssize_t got = ::read(fd, buffer.data(), buffer.size());
  if (got < 0 && (errno == EINTR || errno == EAGAIN)) return Fail(ErrorCode::kBusy, "again");
  // EIO of a terminal and ECONNRESET of a socket are ends like any other.
  return std::string_view(buffer.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
}

class Session {
 public:
  explicit Session(const Relay& relay) : relay_(relay) {}

  /// The guest had something to say.
  Status FromGuest() {
    auto bytes = ReadSome(relay_.console_fd, buffer_);
    if (!bytes) return {};
    if (bytes->empty()) {
      end_ = RelayEnd::kClosed;
      return {};
    }
    std::string shown = relay_.raw ? std::string(*bytes) : filter_.Feed(*bytes);
    return WriteFully(relay_.out_fd, shown.data(), shown.size());
  }

  Status FromKeyboard() {
    auto bytes = ReadSome(relay_.in_fd, buffer_);
    if (!bytes) return {};
    input_open_ = !bytes->empty();
    auto leave = bytes->find(kLeave);
    if (leave != std::string_view::npos) end_ = RelayEnd::kLeft;
    std::string_view typed = bytes->substr(0, leave);
    if (Status sent = WriteFully(relay_.console_fd, typed.data(), typed.size()); !sent) {
      end_ = RelayEnd::kClosed;
    }
    return {};
  }

  void End(RelayEnd end) { end_ = end; }
  [[nodiscard]] std::optional<RelayEnd> end() const { return end_; }
  [[nodiscard]] bool input_open() const { return input_open_; }

 private:
  Relay relay_;
  ConsoleFilter filter_;
  std::array<char, 4096> buffer_{};
  bool input_open_ = true;
  std::optional<RelayEnd> end_;
};

}  // namespace

Result<RelayEnd> RunRelay(const Relay& relay) {
  EndingSignals signals;
  RawTerminal terminal(relay.in_fd);
  Session session(relay);
  while (!session.end()) {
    std::array<pollfd, 3> waits{{{relay.console_fd, POLLIN, 0},
                                 {session.input_open() ? relay.in_fd : -1, POLLIN, 0},
                                 {signals.fd(), POLLIN, 0}}};
    int ready = ::poll(waits.data(), waits.size(), session.input_open() ? -1 : kQuietMs);
    if (ready < 0 && errno != EINTR) return FailErrno("wait for the console");
    if (ready == 0 || waits[2].revents != 0) session.End(RelayEnd::kLeft);
    if (ready <= 0) continue;
    Status moved;
    if (waits[0].revents != 0) moved = session.FromGuest();
    if (moved && waits[1].revents != 0 && !session.end()) moved = session.FromKeyboard();
    if (!moved) return Propagate(moved, "console");
  }
  return *session.end();
}

}  // namespace bulkhead::cli
