// SPDX-License-Identifier: GPL-2.0-or-later
#include "guest-images/agent/receiver.h"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <thread>

#include "guest-images/agent/fixed_fds.h"
#include "vmspec/base/socket.h"

namespace bulkhead::agent {

void Receiver::Feed(ByteView in, std::vector<control::Delivered>& out) {
  while (!in.empty()) {
    auto taken = reader_.Feed(in);
    if (!taken) return Void();  // cannot be: a reader that resynchronises never fails
    in = in.subspan(*taken);
    if (reader_.skipped_bytes() != skipped_) Void();
    skipped_ = reader_.skipped_bytes();
    if (auto frame = reader_.Next()) Take(*frame, out);
  }
}

void Receiver::Take(const Frame& frame, std::vector<control::Delivered>& out) {
  auto message = transfer::Decode(frame);
  if (!message) return Void();
  if (auto* begin = std::get_if<transfer::Begin>(&*message)) return OnBegin(*begin);
  if (auto* data = std::get_if<transfer::Data>(&*message)) return OnData(*data);
  if (auto* end = std::get_if<transfer::End>(&*message)) return OnEnd(*end, out);
  Void();  // StreamStart or Abort
}

void Receiver::Void() {
  inbox_.Drop();
  current_.reset();
}

void Receiver::OnBegin(const transfer::Begin& begin) {
  auto begun = inbox_.Begin(begin);
  current_ = begin.id;
  storing_ = begun && *begun;
  refusal_ = begun ? std::string() : begun.error().message;
}

void Receiver::OnData(const transfer::Data& data) {
  if (!current_ || !storing_) return;
  if (auto s = inbox_.Append(data.bytes); !s) {
    refusal_ = s.error().message;
    storing_ = false;
    inbox_.Drop();
  }
}

void Receiver::OnEnd(const transfer::End& end, std::vector<control::Delivered>& out) {
  if (!current_) return;
  if (storing_) {
    if (auto s = inbox_.Finish(end.sha256); !s) refusal_ = s.error().message;
  }
  out.push_back(control::Delivered{flow_, *current_, refusal_.empty(), refusal_});
  current_.reset();
}

namespace {

constexpr std::chrono::milliseconds kAwayLook{200};

/// 0: nothing now. -1: the port is gone for good.
ssize_t ReadPort(std::array<std::uint8_t, 65536>& buffer) {
  pollfd p{kPortFd, POLLIN, 0};
  if (::poll(&p, 1, -1) < 0) return 0;
  if ((p.revents & POLLIN) == 0) {
    if ((p.revents & POLLNVAL) != 0) return -1;
    // The host is away; poll() cannot wait for its return.
    std::this_thread::sleep_for(kAwayLook);
    return 0;
  }
  ssize_t n = ::read(kPortFd, buffer.data(), buffer.size());
  if (n > 0) return n;
  if (n < 0 && errno != EAGAIN && errno != EINTR) return -1;
  if (n == 0) std::this_thread::sleep_for(kAwayLook);
  return 0;
}

bool Report(const std::vector<control::Delivered>& all) {
  for (const auto& delivered : all) {
    if (!WriteAll(kReportFd, control::Encode(control::GuestMessage(delivered)),
                  std::chrono::seconds(30))) {
      return false;
    }
  }
  return true;
}

}  // namespace

int ReceiveMain(int argc, char** argv) {
  if (argc != 6) return 2;
  auto known = KnownIds::Open(argv[5]);
  if (!known) {
    std::fprintf(stderr, "bulkhead-agent: %s\n", known.error().message.c_str());
    return 1;
  }
  Receiver receiver(argv[2], Inbox(argv[4], argv[3], std::move(*known)));
  std::array<std::uint8_t, 65536> buffer;
  for (;;) {
    ssize_t n = ReadPort(buffer);
    if (n < 0) return 1;
    std::vector<control::Delivered> settled;
    receiver.Feed(ByteView(buffer).first(static_cast<std::size_t>(n)), settled);
    if (!Report(settled)) return 0;
  }
}

}  // namespace bulkhead::agent
