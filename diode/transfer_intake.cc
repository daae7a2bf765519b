// SPDX-License-Identifier: GPL-2.0-or-later
#include "diode/transfer_intake.h"

#include <utility>

#include "vmspec/base/transfer_name.h"

namespace bulkhead::diode {

namespace {

constexpr char kMalformed[] = "a message within it is malformed";

template <typename M>
std::optional<M> DecodeAs(ByteView payload) {
  auto message = transfer::Decode(Frame{M::kType, Bytes(payload.begin(), payload.end())});
  if (!message) return std::nullopt;
  return std::get<M>(std::move(*message));
}

}  // namespace

Step TransferIntake::Take(const FrameView& frame) {
  switch (frame.type) {
    case transfer::StreamStart::kType:
      return Interrupt("it broke off: its sender began anew");
    case transfer::Begin::kType:
      return TakeBegin(frame.payload);
    case transfer::Data::kType:
      return TakeData(frame.payload);
    case transfer::End::kType:
      return TakeEnd(frame.payload);
    case transfer::Abort::kType:
      return RefuseCurrent("its sender gave it up", true);
    default:
      return RefuseCurrent(kMalformed, false);
  }
}

Step TransferIntake::Interrupt(std::string reason) {
  return RefuseCurrent(std::move(reason), true);
}

Step TransferIntake::TakeBegin(ByteView payload) {
  Step step = RefuseCurrent("it broke off: another began before its end", true);
  auto begin = DecodeAs<transfer::Begin>(payload);
  // Not even an id is known, so nothing can be told of it; its data is skipped.
  if (!begin) return step;
  Transfer transfer{begin->id, std::move(begin->name), begin->size, begin->time_us, {}};
  if (auto s = Judge(transfer); !s) {
    step.refused.push_back({std::move(transfer), s.error().message, false});
    return step;
  }
  current_.emplace(Current{transfer, 0, {}});
  step.action = Store{std::move(transfer)};
  return step;
}

Status TransferIntake::Judge(const Transfer& transfer) const {
  if (auto s = CheckTransferName(transfer.name); !s) {
    return Fail(ErrorCode::kRefused, "the name is refused: " + s.error().message);
  }
  if (transfer.size > max_file_bytes_) {
    return Fail(ErrorCode::kRefused, "it is larger than the " + std::to_string(max_file_bytes_) +
                                         " bytes that the flow allows");
  }
  return admission_(transfer);
}

Step TransferIntake::TakeData(ByteView payload) {
  if (!current_) return {};
  // As transfer::Decode would, without its copy: a blob of 1..kMaxData bytes, and nothing else.
  Reader reader(payload);
  ByteView bytes = reader.Blob(transfer::kMaxData);
  if (!reader.Done() || bytes.empty()) return RefuseCurrent(kMalformed, false);
  if (bytes.size() > current_->transfer.size - current_->received) {
    return RefuseCurrent("more bytes came than were declared", false);
  }
  current_->received += bytes.size();
  current_->hash.Update(bytes);
  return {{}, Append{bytes}};
}

Step TransferIntake::TakeEnd(ByteView payload) {
  if (!current_) return {};
  auto end = DecodeAs<transfer::End>(payload);
  if (!end) return RefuseCurrent(kMalformed, false);
  if (current_->received != current_->transfer.size) {
    return RefuseCurrent("fewer bytes came than were declared", false);
  }
  if (current_->hash.Finish() != end->sha256) {
    return RefuseCurrent("its content has not the digest that was sent with it", false);
  }
  current_.reset();
  return {{}, Finish{end->sha256}};
}

Step TransferIntake::RefuseCurrent(std::string reason, bool interrupted) {
  if (!current_) return {};
  Step step;
  step.refused.push_back({std::move(current_->transfer), std::move(reason), interrupted});
  current_.reset();
  return step;
}

}  // namespace bulkhead::diode
