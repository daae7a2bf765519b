// SPDX-License-Identifier: GPL-2.0-or-later
#include "guest-images/agent/control_link.h"

#include <unistd.h>

#include <array>

#include "guest-images/agent/port_watch.h"

namespace bulkhead::agent {

namespace {
using std::chrono::milliseconds;
/// How often to look whether a host that is away has come: poll() cannot wait for that.
constexpr milliseconds kAwayLook{200};
/// A Hello that is not answered is said again.
constexpr std::chrono::seconds kHelloAgain{10};
/// Never more often than this, whatever the host does.
constexpr milliseconds kHelloGap{300};
/// A signal that comes so soon after data is that data's.
constexpr milliseconds kSignalOfData{20};
/// A frame whose rest does not come within this time is the last word of a host that went.
constexpr milliseconds kFrameGap{1000};
constexpr int kReadsPerTurn = 8;

}  // namespace

void ControlLink::Open(UniqueFd port, TimePoint now) {
  port_ = std::move(port);
  WatchPort(port_.get());
  HostWent();
  if (!HostIsAway(port_.get())) BeginAnew(now);
}

void ControlLink::Send(const control::GuestMessage& message) {
  if (host_there_) (void)out_.Push(control::Encode(message));
}

/// All that was under way with the host is void.
void ControlLink::BeginAnew(TimePoint now) {
  out_.Clear();
  reader_ = FrameReader(control::kControlMaxPayload, control::Welcome::kType);
  skipped_at_welcome_ = 0;
  host_there_ = true;
  welcomed_ = false;
  step_lost_ = false;
  cut_since_.reset();
  SayHello(now);
}

void ControlLink::SayHello(TimePoint now) {
  hello_at_ = now;
  host_changed_ = false;
  Send(hello_);
}

void ControlLink::HostWent() {
  host_there_ = false;
  welcomed_ = false;
  out_.Clear();
}

void ControlLink::AddWishes(PollSet& set) const {
  // With the host away poll() would return at once for ever.
  if (!host_there_) return;
  set.Want(port_.get(), static_cast<short>(out_.empty() ? POLLIN : POLLIN | POLLOUT));
}

milliseconds ControlLink::NextLook() const {
  if (!port_) return kAwayLook;
  bool settled = host_there_ && welcomed_ && !step_lost_ && !host_changed_ && !cut_since_;
  return settled ? milliseconds(60'000) : kAwayLook;
}

std::vector<control::HostMessage> ControlLink::Handle(const PollSet& set, bool signalled,
                                                      TimePoint now) {
  std::vector<control::HostMessage> messages;
  if (!port_) return messages;
  short got = set.Got(port_.get());
  // The last words of a host that went are read before it counts as gone.
  if ((got & POLLIN) != 0) messages = Read(now);
  if (HostIsAway(port_.get())) {
    HostWent();
    return messages;
  }
  host_changed_ |= signalled && (got & POLLIN) == 0 && now - read_at_ > kSignalOfData;
  step_lost_ |= StepIsLost(now);
  bool late = !welcomed_ && now - hello_at_ > kHelloAgain;
  bool may_say = now - hello_at_ > kHelloGap;
  if (!host_there_ || late || (step_lost_ && may_say)) {
    BeginAnew(now);
  } else if (host_changed_ && may_say) {
    SayHello(now);
  }
  if (!out_.empty() && !out_.Flush(port_.get())) HostWent();
  return messages;
}

bool ControlLink::StepIsLost(TimePoint now) {
  if (!reader_.mid_frame()) cut_since_.reset();
  if (reader_.mid_frame() && !cut_since_) cut_since_ = now;
  bool cut = cut_since_ && now - *cut_since_ > kFrameGap;
  return welcomed_ && (cut || reader_.skipped_bytes() != skipped_at_welcome_);
}

std::vector<control::HostMessage> ControlLink::Read(TimePoint now) {
  std::vector<control::HostMessage> messages;
  std::array<std::uint8_t, 16384> buffer;
  for (int i = 0; i < kReadsPerTurn; ++i) {
    ssize_t n = ::read(port_.get(), buffer.data(), buffer.size());
    if (n <= 0) break;
    read_at_ = now;
    ByteView in = ByteView(buffer).first(static_cast<std::size_t>(n));
    while (!in.empty()) {
      auto taken = reader_.Feed(in);
      if (!taken) break;
      in = in.subspan(*taken);
      if (auto frame = reader_.Next()) TakeFrame(*frame, messages);
    }
  }
  return messages;
}

/// What is no message is left out: the host is trusted, but must not be able to crash us by a
/// fault.
void ControlLink::TakeFrame(const Frame& frame, std::vector<control::HostMessage>& out) {
  auto message = control::DecodeHost(frame);
  if (!message) return;
  if (std::holds_alternative<control::Welcome>(*message)) {
    welcomed_ = true;
    skipped_at_welcome_ = reader_.skipped_bytes();
  }
  if (welcomed_) out.push_back(std::move(*message));
}

}  // namespace bulkhead::agent
