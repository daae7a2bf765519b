// SPDX-License-Identifier: GPL-2.0-or-later
#include "diode/receive_half.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace bulkhead::diode {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds kRetry{250};
/// A FIFO without a writer ends poll() at once for ever; it is looked at this often instead.
constexpr milliseconds kNoWriterLook{20};
constexpr std::size_t kTurnBytes = 2 << 20;

}  // namespace

ReceiveHalf::ReceiveHalf(const HalfArgs& args, const FixedFds& fds, Spool spool, SeenIds seen)
    : spooling_(
          std::move(spool), args.max_file_bytes, {report::Decision::kPublished, false},
          SocketSlot(kReportFd, fds.report),
          [this](const Transfer& transfer) {
            spooling_.spool().DropPart();
            return spooling_.spool().HasRoom(transfer.size);
          },
          Clock::now()),
      seen_(std::move(seen)),
      max_file_bytes_(args.max_file_bytes),
      port_(kPortFd, fds.port),
      writer_(args.peer) {}

Status ReceiveHalf::RunOnce(milliseconds longest) {
  TimePoint now = Clock::now();
  if (want_port_ && !port_.connected() && now >= port_retry_) ConnectPort(now);
  bool to_write = port_.connected() && (writer_.busy() || !to_deliver_.empty());
  auto& report = spooling_.report();
  std::array<pollfd, 3> fds{
      pollfd{MayReadPipe(now) ? kPipeFd : -1, POLLIN, 0}, pollfd{report.fd(), report.events(), 0},
      pollfd{port_.connected() ? kPortFd : -1, static_cast<short>(to_write ? POLLOUT : 0), 0}};
  if (::poll(fds.data(), fds.size(), PollTime(now, longest)) < 0) return {};

  now = Clock::now();
  input_waits_ = fds[0].revents != 0 && ReadPipe(now);
  spooling_.Settle(input_waits_, now);
  if (auto s = HearHostd(fds[1].revents, now); !s) return s;
  if (fds[2].revents & (POLLERR | POLLHUP)) DropPort();
  if (port_.connected()) WritePort();
  return {};
}

int ReceiveHalf::PollTime(TimePoint now, milliseconds longest) {
  if (input_waits_ || spooling_.unsettled()) return 0;
  auto until = now + longest;
  if (!waiting_ && now < pipe_at_) until = std::min(until, pipe_at_);
  if (want_port_ && !port_.connected()) until = std::min(until, port_retry_);
  if (auto at = spooling_.report().wakes_at()) until = std::min(until, *at);
  auto left = std::chrono::ceil<milliseconds>(until - now);
  return static_cast<int>(std::max<milliseconds::rep>(0, left.count()));
}

// --- the pipe's side: only ever read -----------------------------------------------------------

/// True when more waits.
bool ReceiveHalf::ReadPipe(TimePoint now) {
  for (std::size_t taken = 0; taken < kTurnBytes && !waiting_;) {
    auto want = scanner_.Want();
    ssize_t n = ::read(kPipeFd, want.data(), want.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    if (n == 0) {
      EndOfPipe(now);
      return false;
    }
    taken += static_cast<std::size_t>(n);
    scanner_.Filled(static_cast<std::size_t>(n));
    if (scanner_.TakeLostStep()) spooling_.Interrupt("the pipe lost its step", now);
    if (auto frame = scanner_.Next()) Consider(*frame, now);
  }
  return !waiting_;
}

void ReceiveHalf::EndOfPipe(TimePoint now) {
  spooling_.Interrupt("the sending half went", now);
  scanner_.Restart();
  pipe_at_ = now + kNoWriterLook;
}

void ReceiveHalf::Consider(const FrameView& frame, TimePoint now) {
  waiting_.reset();
  switch (Judge(frame)) {
    case Verdict::kTake:
      return spooling_.Take(frame, now);
    case Verdict::kWait:
      // Whatever was under way has ended by this Begin, and its room is free.
      spooling_.Interrupt("another began before its end", now);
      if (Judge(frame) == Verdict::kTake) return spooling_.Take(frame, now);
      waiting_ = frame;
      return;
    case Verdict::kSkip:
      return spooling_.Interrupt("a repetition of another began before its end", now);
  }
}

/// What is asked of a Begin before the intake sees it. A repetition is dropped; what has no room
/// now waits in the pipe, for it was accepted: it must not be lost because a level does not read.
ReceiveHalf::Verdict ReceiveHalf::Judge(const FrameView& frame) {
  if (frame.type != transfer::Begin::kType) return Verdict::kTake;
  auto message =
      transfer::Decode(Frame{frame.type, Bytes(frame.payload.begin(), frame.payload.end())});
  if (!message) return Verdict::kTake;
  const auto& begin = std::get<transfer::Begin>(*message);
  if (seen_.Contains(begin.id) || spooling_.spool().Holds(begin.id)) return Verdict::kSkip;
  if (begin.size > max_file_bytes_) return Verdict::kTake;
  return spooling_.spool().HasRoom(begin.size) ? Verdict::kTake : Verdict::kWait;
}

// --- hostd's side ------------------------------------------------------------------------------

Status ReceiveHalf::HearHostd(short revents, TimePoint now) {
  std::vector<std::uint64_t> recorded;
  for (const auto& message : spooling_.report().Run(revents, now)) {
    if (auto* r = std::get_if<report::Recorded>(&message)) recorded.push_back(r->serial);
    if (std::holds_alternative<report::GuestReady>(message)) GuestIsReady(now);
    if (auto* settled = std::get_if<report::Settled>(&message)) Settled(settled->transfer);
  }
  if (auto s = Publish(recorded); !s) return s;
  // Room may have come.
  if (waiting_) Consider(FrameView(*waiting_), now);
  return {};
}

/// All or nothing (I4): the names appear, and are durable, before anything is handed over.
Status ReceiveHalf::Publish(const std::vector<std::uint64_t>& recorded) {
  if (recorded.empty()) return {};
  for (std::uint64_t seq : recorded) {
    if (auto s = spooling_.spool().MakeReady(seq); !s) return s;
  }
  if (auto s = spooling_.spool().SyncFolder(); !s) return s;
  to_deliver_.insert(to_deliver_.end(), recorded.begin(), recorded.end());
  return {};
}

void ReceiveHalf::Settled(const transfer::TransferId& id) {
  for (const auto& [seq, entry] : spooling_.spool().entries()) {
    if (entry.transfer.id != id || entry.state != Spool::State::kReady) continue;
    if (auto s = seen_.Add(id); !s) {
      // It stays, and is handed over again: the agent knows it.
      news_.push_back(s.error().message);
      return;
    }
    std::erase(to_deliver_, seq);
    spooling_.spool().Remove(seq);
    return;
  }
}

// --- the receiving level's side: only ever written ---------------------------------------------

void ReceiveHalf::GuestIsReady(TimePoint now) {
  if (port_.connected()) DropPort();
  want_port_ = true;
  ConnectPort(now);
}

void ReceiveHalf::ConnectPort(TimePoint now) {
  port_retry_ = now + kRetry;
  if (!port_.Connect()) return;
  writer_.OpenStream();
  delivering_.reset();
  to_deliver_.clear();
  for (const auto& [seq, entry] : spooling_.spool().entries()) {
    if (entry.state == Spool::State::kReady) to_deliver_.push_back(seq);
  }
  news_.emplace_back("the port is connected");
}

void ReceiveHalf::DropPort() {
  port_.Drop();
  want_port_ = false;
  delivering_.reset();
  news_.emplace_back("the port is closed");
}

void ReceiveHalf::WritePort() {
  auto sink = [](const void* bytes, std::size_t size) {
    return ::send(kPortFd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
  };
  std::uint64_t before = writer_.written();
  while (writer_.written() - before < kTurnBytes) {
    if (!writer_.busy() && !StartNext()) return;
    switch (writer_.Write(sink, kTurnBytes)) {
      case TransferWriter::Pump::kBlocked:
        return;
      case TransferWriter::Pump::kGone:
        return DropPort();
      case TransferWriter::Pump::kDamaged:
        news_.emplace_back("a published transfer could not be read");
        delivering_.reset();
        break;
      case TransferWriter::Pump::kDone:
        if (writer_.busy() || !delivering_) break;
        spooling_.report().Tell(DecisionOf(report::Decision::kHandedOver, *delivering_));
        delivering_.reset();
    }
  }
}

/// False when there is nothing to deliver.
bool ReceiveHalf::StartNext() {
  while (!to_deliver_.empty()) {
    std::uint64_t seq = to_deliver_.front();
    to_deliver_.pop_front();
    auto content = spooling_.spool().OpenContent(seq);
    if (content) {
      delivering_ = spooling_.spool().entries().at(seq).transfer;
      writer_.Start(*delivering_, std::move(*content));
      return true;
    }
    news_.push_back(content.error().message);
  }
  return false;
}

}  // namespace bulkhead::diode
