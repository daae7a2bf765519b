// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/agentd/relay.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <utility>

#include "vmspec/base/socket.h"

namespace bulkhead::agentd {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds kRetry{250};
constexpr milliseconds kLongestBackoff{5000};
/// A connection that held for so long was not part of a quarrel.
constexpr std::chrono::seconds kPeace{10};

/// Reads what is there, at most 64 KiB. 0: end of stream. kUnavailable: the peer is gone.
/// An empty optional: nothing now.
Result<std::optional<std::size_t>> ReadSome(int fd, std::array<std::uint8_t, 65536>& buffer) {
  ssize_t n = ::recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (n >= 0) return static_cast<std::size_t>(n);
  if (errno == EAGAIN || errno == EINTR) return std::nullopt;
  if (errno == ECONNRESET) return std::size_t{0};
  return FailErrno("recv");
}

/// Without hostd these are of no use later: the next ones say more.
bool IsMomentary(const control::GuestMessage& message) {
  return std::holds_alternative<control::Health>(message) ||
         std::holds_alternative<control::RunOutput>(message) ||
         std::holds_alternative<control::RunExit>(message);
}

/// Replayed from memory to each new hostd.
bool IsReplayed(const control::GuestMessage& message) {
  return std::holds_alternative<control::Hello>(message) ||
         std::holds_alternative<control::Ready>(message);
}

}  // namespace

Relay::Relay(std::string guest_path, std::string hostd_path, milliseconds silence)
    : guest_path_(std::move(guest_path)),
      hostd_path_(std::move(hostd_path)),
      silence_(silence),
      guest_backoff_(kRetry),
      link_reason_("the virtual machine does not run") {}

void Relay::RunOnce(milliseconds longest) {
  TimePoint now = Clock::now();
  if (!guest_ && now >= guest_retry_) ConnectGuest(now);
  if (!hostd_ && now >= hostd_retry_) ConnectHostd(now);

  auto events = [](bool in, bool out) {
    return static_cast<short>((in ? POLLIN : 0) | (out ? POLLOUT : 0));
  };
  std::array<pollfd, 2> fds{pollfd{guest_.get(), events(MayReadGuest(now), !to_guest_.empty()), 0},
                            pollfd{hostd_.get(), events(true, !to_hostd_.empty()), 0}};
  // poll() ignores an entry with descriptor -1.
  if (::poll(fds.data(), fds.size(), static_cast<int>(TimeLeft(now, longest).count())) < 0) return;

  now = Clock::now();
  constexpr short kGone = POLLHUP | POLLERR;
  if (fds[1].revents & POLLOUT) WriteHostd(now);
  if (hostd_ && fds[1].revents & (POLLIN | kGone)) ReadHostd(now);
  if (guest_ && fds[0].revents & POLLOUT) WriteGuest(now);
  if (guest_ && fds[0].revents & (POLLIN | kGone)) {
    // A peer that is gone makes poll() return at once for ever: its last words are read or lost
    // now.
    if (MayReadGuest(now)) {
      ReadGuest(now);
    } else if (fds[0].revents & kGone) {
      DropGuest(State::kDown, "the virtual machine closed the control port", now);
    }
  }
  if (guest_) EndSilence(now);
}

milliseconds Relay::TimeLeft(TimePoint now, milliseconds longest) {
  auto until = now + longest;
  if (!guest_) until = std::min(until, guest_retry_);
  if (!hostd_) until = std::min(until, hostd_retry_);
  if (guest_ && !stream_->hello()) {
    until = std::min(until, guest_since_ + silence_);
  }
  if (guest_) {
    auto pause = stream_->PauseFor(now);
    if (pause.count() > 0) until = std::min(until, now + pause);
  }
  return std::max(milliseconds{0}, std::chrono::ceil<milliseconds>(until - now));
}

// --- the guest's side --------------------------------------------------------------------------

void Relay::ConnectGuest(TimePoint now) {
  auto fd = ConnectUnixNow(guest_path_);
  if (!fd) {
    guest_retry_ = now + kRetry;
    return;
  }
  guest_ = std::move(*fd);
  stream_.emplace(now);
  guest_since_ = now;
  // Another attempt at a level that has long been silent is no news.
  if (silence_told_) return;
  link_ = State::kUp;
  link_reason_.clear();
  news_.emplace_back("the control port is connected");
  TellLink();
}

bool Relay::MayReadGuest(TimePoint now) {
  // Room for a whole read must be left, so that forwarding never fails for want of room.
  return guest_ && stream_->PauseFor(now).count() == 0 && to_hostd_.bytes() < kMaxQueuedBytes / 2;
}

void Relay::ReadGuest(TimePoint now) {
  std::array<std::uint8_t, 65536> buffer;
  auto n = ReadSome(guest_.get(), buffer);
  if (n && !*n) return;
  if (!n || **n == 0) {
    return DropGuest(State::kDown, "the virtual machine closed the control port", now);
  }
  std::vector<control::GuestMessage> messages;
  Status fed = stream_->Feed(ByteView(buffer).first(**n), now, messages);
  Forward(messages);
  if (!fed) DropGuest(State::kProtocolError, fed.error().message, now);
}

void Relay::Forward(const std::vector<control::GuestMessage>& messages) {
  for (const auto& message : messages) {
    if (!hostd_ && (IsMomentary(message) || IsReplayed(message))) continue;
    // Cannot be full: MayReadGuest() left more room than one read can hold.
    (void)to_hostd_.Push(control::Encode(message));
  }
}

void Relay::WriteGuest(TimePoint now) {
  if (auto s = to_guest_.Flush(guest_.get()); !s) DropGuest(State::kDown, s.error().message, now);
}

void Relay::DropGuest(State state, std::string reason, TimePoint now) {
  guest_.reset();
  bool quarrel = state == State::kProtocolError;
  if (quarrel && now - guest_since_ < kPeace) {
    guest_backoff_ = std::min(guest_backoff_ * 2, kLongestBackoff);
  } else {
    guest_backoff_ = kRetry;
  }
  guest_retry_ = now + guest_backoff_;
  stream_.reset();
  to_guest_.Clear();
  silence_told_ = false;
  link_ = state;
  link_reason_ = reason;
  news_.push_back(std::move(reason));
  TellLink();
}

void Relay::EndSilence(TimePoint now) {
  if (stream_->hello()) silence_told_ = false;
  if (stream_->hello() || now - guest_since_ < silence_) return;
  if (!silence_told_) {
    link_reason_ =
        "the level's agent has said no hello for " + std::to_string(silence_.count() / 1000) +
        " s" +
        (stream_->skipped_bytes() == 0
             ? std::string()
             : ", but " + std::to_string(stream_->skipped_bytes()) + " bytes that are no message");
    news_.push_back(link_reason_);
    TellLink();
  }
  silence_told_ = true;
  guest_.reset();
  stream_.reset();
  to_guest_.Clear();
  guest_retry_ = now;
}

// --- hostd's side ------------------------------------------------------------------------------

void Relay::ConnectHostd(TimePoint now) {
  auto fd = ConnectUnixNow(hostd_path_);
  if (!fd) {
    hostd_retry_ = now + kRetry;
    return;
  }
  hostd_ = std::move(*fd);
  hostd_reader_.emplace(report::kReportMaxPayload);
  ReplayTo(now);
}

/// What a hostd that knows nothing must hear before anything that waited.
void Relay::ReplayTo(TimePoint now) {
  FrameQueue waiting = std::exchange(to_hostd_, FrameQueue(kMaxQueuedBytes));
  TellLink();
  if (stream_ && stream_->hello()) {
    (void)to_hostd_.Push(control::Encode(control::GuestMessage(*stream_->hello())));
    if (stream_->ready())
      (void)to_hostd_.Push(control::Encode(control::GuestMessage(control::Ready{})));
  }
  to_hostd_.Append(std::move(waiting));
  WriteHostd(now);
}

void Relay::TellLink() {
  if (!hostd_) return;
  (void)to_hostd_.Push(report::Encode(report::ToHostd(report::AgentLink{link_, link_reason_})));
}

void Relay::ReadHostd(TimePoint now) {
  std::array<std::uint8_t, 65536> buffer;
  auto n = ReadSome(hostd_.get(), buffer);
  if (n && !*n) return;
  if (!n || **n == 0) return DropHostd("the other side closed the connection", now);
  if (auto s = TakeFromHostd(ByteView(buffer).first(**n)); !s) DropHostd(s.error().message, now);
  if (guest_) WriteGuest(now);
}

Status Relay::TakeFromHostd(ByteView in) {
  while (!in.empty()) {
    auto taken = hostd_reader_->Feed(in);
    if (!taken) return Propagate(taken);
    in = in.subspan(*taken);
    auto frame = hostd_reader_->Next();
    if (!frame) continue;
    auto message = control::DecodeHost(*frame);
    if (!message) return Propagate(message);
    if (!guest_) continue;
    if (auto s = to_guest_.Push(control::Encode(*message)); !s) {
      DropGuest(State::kProtocolError, "the level does not read its control port", Clock::now());
    }
  }
  return {};
}

void Relay::WriteHostd(TimePoint now) {
  if (auto s = to_hostd_.Flush(hostd_.get()); !s) DropHostd(s.error().message, now);
}

/// What waited is void: link and hello are said anew, and a Delivered that is lost here is asked
/// for again by the receiving half of the flow.
void Relay::DropHostd(std::string_view reason, TimePoint now) {
  hostd_.reset();
  hostd_reader_.reset();
  hostd_retry_ = now + kRetry;
  to_hostd_.Clear();
  news_.push_back("hostd: " + std::string(reason));
}

}  // namespace bulkhead::agentd
