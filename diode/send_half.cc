// SPDX-License-Identifier: GPL-2.0-or-later
#include "diode/send_half.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace bulkhead::diode {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds kRetry{250};
constexpr milliseconds kPipeRetry{50};
/// How often the pipe is looked at while something in it is not drained.
constexpr milliseconds kDrainLook{100};
/// How often it is asked whether a retention ended.
constexpr milliseconds kTick{1000};
/// So much is done for one side before the others are looked at again.
constexpr std::size_t kTurnBytes = 2 << 20;

}  // namespace

SendHalf::SendHalf(const HalfArgs& args, const FixedFds& fds, Spool spool)
    : port_(kPortFd, fds.port),
      spooling_(
          std::move(spool), args.max_file_bytes, {report::Decision::kAccepted, true},
          SocketSlot(kReportFd, fds.report),
          [this](const Transfer& transfer) { return Admit(transfer); }, Clock::now()),
      writer_(args.level) {
  for (const auto& [seq, entry] : spooling_.spool().entries()) {
    if (entry.state == Spool::State::kReady) order_.Add(seq);
  }
}

Status SendHalf::RunOnce(milliseconds longest) {
  TimePoint now = Clock::now();
  if (!port_.connected() && now >= port_retry_) ConnectPort(now);
  if (!pipe_open_ && now >= pipe_retry_) {
    if (auto s = OpenPipeAgain(now); !s) return s;
  }
  bool to_write = writer_.busy() || order_.Next();
  auto& report = spooling_.report();
  // poll() ignores an entry with descriptor -1.
  std::array<pollfd, 3> fds{
      pollfd{port_.connected() ? kPortFd : -1, POLLIN, 0}, pollfd{report.fd(), report.events(), 0},
      pollfd{pipe_open_ ? kPipeFd : -1, static_cast<short>(to_write ? POLLOUT : 0), 0}};
  if (::poll(fds.data(), fds.size(), PollTime(now, longest)) < 0) return {};

  now = Clock::now();
  input_waits_ = fds[0].revents != 0 && ReadPort(now);
  spooling_.Settle(input_waits_, now);
  if (auto s = HearHostd(fds[1].revents, now); !s) return s;
  if (fds[2].revents & POLLERR) LosePipe(now);
  if (pipe_open_) WritePipe(now);
  LookAtDrain(now);
  return {};
}

int SendHalf::PollTime(TimePoint now, milliseconds longest) {
  if (input_waits_ || spooling_.unsettled()) return 0;
  auto until = now + longest;
  if (!port_.connected()) until = std::min(until, port_retry_);
  if (!pipe_open_) until = std::min(until, pipe_retry_);
  if (auto at = spooling_.report().wakes_at()) until = std::min(until, *at);
  if (order_.size() > 0) until = std::min(until, now + kTick);
  if (order_.waits_for_drain()) until = std::min(until, now + kDrainLook);
  auto left = std::chrono::ceil<milliseconds>(until - now);
  return static_cast<int>(std::max<milliseconds::rep>(0, left.count()));
}

// --- the level's side: only ever read ----------------------------------------------------------

void SendHalf::ConnectPort(TimePoint now) {
  port_retry_ = now + kRetry;
  if (!port_.Connect()) return;
  scanner_.Restart();
  news_.emplace_back("the port is connected");
}

/// True when more waits.
bool SendHalf::ReadPort(TimePoint now) {
  for (std::size_t taken = 0; taken < kTurnBytes;) {
    auto want = scanner_.Want();
    ssize_t n = ::recv(kPortFd, want.data(), want.size(), MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return false;
    if (n <= 0) {
      DropPort(now);
      return false;
    }
    taken += static_cast<std::size_t>(n);
    scanner_.Filled(static_cast<std::size_t>(n));
    if (scanner_.TakeLostStep()) {
      spooling_.Interrupt("what came within it is not of the protocol", now);
    }
    if (auto frame = scanner_.Next()) spooling_.Take(*frame, now);
  }
  return true;
}

void SendHalf::DropPort(TimePoint now) {
  port_.Drop();
  port_retry_ = now + kRetry;
  spooling_.Interrupt("it broke off: the level's port was closed", now);
  news_.emplace_back("the port is closed");
}

Status SendHalf::Admit(const Transfer& transfer) {
  Spool& spool = spooling_.spool();
  // A Begin ends what came before it, whole or not; its room is free.
  spool.DropPart();
  if (spool.Holds(transfer.id)) {
    return Fail(ErrorCode::kRefused, "a transfer of the same id is on its way already");
  }
  Status room = spool.HasRoom(transfer.size);
  // What went and was taken out of the pipe makes room before a new one is turned away.
  while (!room) {
    auto oldest = order_.TakeOldestExpired(Clock::now(), kLeastRetention);
    if (!oldest) return room;
    spool.Remove(*oldest);
    room = spool.HasRoom(transfer.size);
  }
  return {};
}

// --- hostd's side ------------------------------------------------------------------------------

Status SendHalf::HearHostd(short revents, TimePoint now) {
  for (const auto& message : spooling_.report().Run(revents, now)) {
    auto* recorded = std::get_if<report::Recorded>(&message);
    if (recorded == nullptr) continue;
    if (auto s = spooling_.spool().MakeReady(recorded->serial); !s) return s;
    order_.Add(recorded->serial);
  }
  return {};
}

// --- the pipe's side: only ever written --------------------------------------------------------

Status SendHalf::OpenPipeAgain(TimePoint now) {
  pipe_retry_ = now + kPipeRetry;
  auto opened = OpenPipe(O_WRONLY);
  if (!opened && opened.error().code == ErrorCode::kUnavailable) return {};
  if (!opened) return opened;
  pipe_open_ = true;
  order_.StartOver();
  writing_.reset();
  writer_.OpenStream();
  return {};
}

void SendHalf::LosePipe(TimePoint now) {
  ClosePipe();
  pipe_open_ = false;
  pipe_retry_ = now + kPipeRetry;
  order_.StartOver();
  writing_.reset();
  news_.emplace_back("the receiving half closed the pipe");
}

void SendHalf::WritePipe(TimePoint now) {
  auto sink = [](const void* bytes, std::size_t size) { return ::write(kPipeFd, bytes, size); };
  std::uint64_t before = writer_.written();
  while (writer_.written() - before < kTurnBytes) {
    if (!writer_.busy() && !StartNext()) return;
    switch (writer_.Write(sink, kTurnBytes)) {
      case TransferWriter::Pump::kBlocked:
        return;
      case TransferWriter::Pump::kGone:
        return LosePipe(now);
      case TransferWriter::Pump::kDamaged:
        news_.emplace_back("a spooled transfer could not be read and is dropped");
        order_.Forget(*writing_);
        spooling_.spool().Remove(*writing_);
        writing_.reset();
        break;
      case TransferWriter::Pump::kDone:
        if (writer_.busy() || !writing_) break;
        order_.Sent(*writing_, writer_.written());
        writing_.reset();
    }
  }
}

/// False when there is nothing to send.
bool SendHalf::StartNext() {
  while (auto seq = order_.Next()) {
    auto content = spooling_.spool().OpenContent(*seq);
    if (content) {
      writer_.Start(spooling_.spool().entries().at(*seq).transfer, std::move(*content));
      writing_ = seq;
      return true;
    }
    news_.push_back(content.error().message);
    order_.Forget(*seq);
    spooling_.spool().Remove(*seq);
  }
  return false;
}

void SendHalf::LookAtDrain(TimePoint now) {
  if (pipe_open_ && order_.waits_for_drain()) {
    int waiting = 0;
    if (::ioctl(kPipeFd, FIONREAD, &waiting) == 0) {
      order_.Drained(writer_.written() - static_cast<std::uint64_t>(waiting), now);
    }
  }
  for (std::uint64_t seq : order_.TakeExpired(now, kRetention)) spooling_.spool().Remove(seq);
}

}  // namespace bulkhead::diode
