// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/agentd/guest_stream.h"

#include <algorithm>
#include <string>

#include "vmspec/base/sanitize.h"

namespace bulkhead::agentd {

namespace {

/// Printable text is longer than what it came from; it must still fit its field.
void Clean(std::string& text, std::size_t max_bytes) {
  if (!IsPrintable(text)) text = Printable(text, max_bytes - 3);
}

/// What the codec cannot know: values that are no value of their field.
Status CheckValues(const control::GuestMessage& message) {
  if (auto* hello = std::get_if<control::Hello>(&message)) {
    if (hello->protocol == control::kProtocolVersion) return {};
    return Fail(ErrorCode::kCorrupt,
                "the level's agent speaks version " + std::to_string(hello->protocol) +
                    " of the control protocol, this host version " +
                    std::to_string(control::kProtocolVersion) + ": build the level's image anew");
  }
  if (auto* output = std::get_if<control::RunOutput>(&message)) {
    if (output->stream == 1 || output->stream == 2) return {};
    return Fail(ErrorCode::kCorrupt, "run output names a stream that is neither 1 nor 2");
  }
  return {};
}

}  // namespace

void Sanitise(control::GuestMessage& message) {
  if (auto* hello = std::get_if<control::Hello>(&message)) {
    Clean(hello->image, 64), Clean(hello->version, 128), Clean(hello->boot_id, 64);
  } else if (auto* delivered = std::get_if<control::Delivered>(&message)) {
    Clean(delivered->flow, 31), Clean(delivered->reason, 256);
  } else if (auto* refused = std::get_if<control::SendRefused>(&message)) {
    Clean(refused->to, 64), Clean(refused->name, 255);
  }
}

GuestStream::GuestStream(TimePoint now)
    : reader_(control::kControlMaxPayload, control::Hello::kType),
      messages_(kMessagesPerSecond, kMessageBurst, now),
      run_bytes_(kRunBytesPerSecond, kRunBytesBurst, now) {}

Status GuestStream::Feed(ByteView in, TimePoint now, std::vector<control::GuestMessage>& out) {
  while (!in.empty()) {
    auto taken = reader_.Feed(in);
    if (!taken) return Propagate(taken);
    in = in.subspan(*taken);
    if (auto s = CheckFraming(); !s) return s;
    auto frame = reader_.Next();
    if (!frame) continue;
    if (auto s = Take(*frame, now, out); !s) return s;
  }
  return {};
}

Status GuestStream::CheckFraming() const {
  if (!hello_ && skipped_bytes() > kMaxBytesBeforeHello) {
    return Fail(ErrorCode::kCorrupt, "the level sent " + std::to_string(kMaxBytesBeforeHello) +
                                         " bytes on its control port and no hello");
  }
  // Once in step, the reader must never have to look for a frame again.
  if (hello_ && skipped_bytes() != skipped_at_hello_) {
    return Fail(ErrorCode::kCorrupt,
                "the level sent a frame header that is not valid or declares more than " +
                    std::to_string(control::kControlMaxPayload) + " bytes");
  }
  return {};
}

Status GuestStream::Take(const Frame& frame, TimePoint now,
                         std::vector<control::GuestMessage>& out) {
  if (frame.type == control::RunOutput::kType) {
    run_bytes_.Take(std::max(kRunOutputMinCost, static_cast<double>(frame.payload.size())), now);
  } else if (!messages_.TryTake(1, now)) {
    return Fail(ErrorCode::kLimit, "the level sent more than " +
                                       std::to_string(static_cast<int>(kMessagesPerSecond)) +
                                       " control messages a second");
  }
  auto message = control::DecodeGuest(frame);
  if (!message) return Propagate(message, "the level");
  if (auto s = CheckValues(*message); !s) return s;
  Sanitise(*message);
  Remember(*message);
  out.push_back(std::move(*message));
  return {};
}

void GuestStream::Remember(const control::GuestMessage& message) {
  if (auto* hello = std::get_if<control::Hello>(&message)) {
    hello_ = *hello;
    ready_ = false;
    skipped_at_hello_ = skipped_bytes();
  } else if (std::holds_alternative<control::Ready>(message)) {
    ready_ = true;
  }
}

}  // namespace bulkhead::agentd
