// SPDX-License-Identifier: GPL-2.0-or-later
#include "guest-images/agent/sender.h"

#include <poll.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <thread>

#include "guest-images/agent/fixed_fds.h"
#include "guest-images/agent/port_watch.h"
#include "guest-images/agent/send_messages.h"
#include "vmspec/base/clock.h"
#include "vmspec/base/socket.h"

namespace bulkhead::agent {

namespace {

/// Small pieces: progress shows, and what a replaced reader loses is little.
constexpr std::size_t kPiece = 64 << 10;
constexpr char kChanged[] = "the file changed while it was sent; nothing arrives of it";

std::int64_t Nanoseconds(const timespec& t) {
  return std::int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

Status Put(const Sender::Sink& sink, const transfer::Message& message) {
  return sink(transfer::Encode(message));
}

}  // namespace

transfer::TransferId Sender::NewId() {
  transfer::TransferId id{};
  while (::getrandom(id.data(), id.size(), 0) != static_cast<ssize_t>(id.size())) {
  }
  return id;
}

Status Sender::SendTo(const Sink& sink, bool torn) {
  struct stat st{};
  if (::fstat(file_, &st) != 0) return FailErrno("read the file");
  auto size = static_cast<std::uint64_t>(st.st_size);
  if (torn) {
    if (auto s = sink(Bytes(transfer::kMaxPayload, 0)); !s) return s;
  }
  if (auto s = Put(sink, transfer::StreamStart{}); !s) return s;
  if (auto s = Put(sink, transfer::Begin{id_, name_, "", size, UnixUs()}); !s) return s;
  Status sent = SendContent(sink, size);
  struct stat after{};
  if (sent && (::fstat(file_, &after) != 0 || after.st_size != st.st_size ||
               Nanoseconds(after.st_mtim) != Nanoseconds(st.st_mtim))) {
    sent = Fail(ErrorCode::kInvalid, kChanged);
  }
  if (sent) return Put(sink, transfer::End{hash_.Finish()});
  bool stream_lost =
      sent.error().code == ErrorCode::kConflict || sent.error().code == ErrorCode::kTimeout;
  if (!stream_lost) (void)Put(sink, transfer::Abort{});
  return sent;
}

Status Sender::SendContent(const Sink& sink, std::uint64_t size) {
  hash_ = Sha256();
  for (std::uint64_t done = 0; done < size;) {
    std::uint64_t sent = 0;
    if (auto s = SendPiece(sink, done, size - done, sent); !s) return s;
    done += sent;
    if (!progress_(done, size)) return Fail(ErrorCode::kUnavailable, "given up");
  }
  return {};
}

Status Sender::SendPiece(const Sink& sink, std::uint64_t at, std::uint64_t left,
                         std::uint64_t& sent) {
  transfer::Data data{Bytes(std::min<std::uint64_t>(kPiece, left))};
  ssize_t n = ::pread(file_, data.bytes.data(), data.bytes.size(), static_cast<off_t>(at));
  if (n < 0 && errno == EINTR) return {};
  if (n < 0) return FailErrno("read the file");
  if (n == 0) return Fail(ErrorCode::kInvalid, kChanged);
  data.bytes.resize(static_cast<std::size_t>(n));
  hash_.Update(data.bytes);
  sent = data.bytes.size();
  return Put(sink, data);
}

namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;
constexpr milliseconds kHostAwayLook{200};
/// A host that takes nothing for so long is down; the user is told and tries again later.
constexpr std::chrono::seconds kPatience{60};
constexpr int kMaxTries = 6;
/// After the last byte: if the host's half goes down now, it may not have read the end.
constexpr milliseconds kLinger{300};

sigset_t SigIo() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGIO);
  return set;
}

/// The port raised SIGIO: nothing ever comes in on it, so the host's side went or came.
bool HostChanged(milliseconds wait) {
  sigset_t set = SigIo();
  timespec t{wait.count() / 1000, wait.count() % 1000 * 1'000'000};
  bool changed = false;
  while (::sigtimedwait(&set, nullptr, &t) == SIGIO) {
    changed = true;
    t = {};
  }
  return changed;
}

Status WaitForHost() {
  auto until = Clock::now() + kPatience;
  while (HostIsAway(kPortFd)) {
    if (Clock::now() > until) return Fail(ErrorCode::kTimeout, "the host takes no files now");
    std::this_thread::sleep_for(kHostAwayLook);
  }
  HostChanged(milliseconds(0));
  return {};
}

Status WaitForRoom() {
  pollfd p{kPortFd, POLLOUT, 0};
  auto until = Clock::now() + kPatience;
  while (Clock::now() < until) {
    if (HostChanged(milliseconds(0)) || HostIsAway(kPortFd)) {
      return Fail(ErrorCode::kConflict, "the host's side began anew");
    }
    if (::poll(&p, 1, static_cast<int>(kHostAwayLook.count())) == 1) return {};
  }
  return Fail(ErrorCode::kTimeout, "the host takes no files now");
}

Status WriteToPort(ByteView bytes) {
  while (!bytes.empty()) {
    if (auto s = WaitForRoom(); !s) return s;
    ssize_t n = ::write(kPortFd, bytes.data(), bytes.size());
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (n < 0) return FailErrno("write to the port");
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
  return {};
}

Status SendAll(Sender& sender, bool torn) {
  for (int i = 0; i < kMaxTries; ++i) {
    if (auto s = WaitForHost(); !s) return s;
    Status sent = sender.SendTo(WriteToPort, torn || i > 0);
    if (sent && HostChanged(kLinger)) {
      sent = Fail(ErrorCode::kConflict, "the host's side began anew");
    }
    if (sent || sent.error().code != ErrorCode::kConflict) return sent;
  }
  return Fail(ErrorCode::kUnavailable, "the host's side breaks off again and again");
}

/// Tells the client how far it is, a few times a second. A client that does not read is no reason
/// to wait; one that is gone has given up.
class ProgressTeller {
 public:
  bool operator()(std::uint64_t done, std::uint64_t total) {
    if (done < total && Clock::now() < next_) return true;
    next_ = Clock::now() + milliseconds(100);
    auto told =
        WriteAll(kClientFd, Encode(SendMessage(SendProgress{done, total})), milliseconds(0));
    return told || told.error().code != ErrorCode::kUnavailable;
  }

 private:
  Clock::time_point next_{};
};

}  // namespace

int SendMain(int argc, char** argv) {
  if (argc != 4) return 2;
  sigset_t set = SigIo();
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
  WatchPort(kPortFd);
  Sender sender(kFileFd, argv[2], ProgressTeller());
  Status sent = SendAll(sender, std::string_view(argv[3]) == "torn");
  SendResult result{sent ? kHandedOver : kFailed, sent ? "handed over" : sent.error().message};
  (void)WriteAll(kClientFd, Encode(SendMessage(result)), std::chrono::seconds(1));
  // An Abort was written in whole: the stream has its step. Else the next writer must fill it up.
  bool in_step = sent || (sent.error().code != ErrorCode::kConflict &&
                          sent.error().code != ErrorCode::kTimeout);
  return in_step ? 0 : 1;
}

}  // namespace bulkhead::agent
