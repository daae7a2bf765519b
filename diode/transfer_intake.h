// SPDX-License-Identifier: GPL-2.0-or-later
/// What a half makes of the messages that reach it: the one place where a transfer is judged. Pure:
/// frames in, what to do out. Both halves use it, because the receiving half believes the sending
/// half no more than that one believes the guest.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "diode/frame_scanner.h"
#include "diode/transfer.h"

namespace bulkhead::diode {

/// A transfer that will not be. What was stored of it must go.
struct Refusal {
  Transfer transfer;         ///< what is known of it; its name may be hostile
  std::string reason;        ///< one sentence, no byte of the guest
  bool interrupted = false;  ///< it broke off: the sender went, not a fault of its content
};

/// Make room for `transfer` (its digest is not known yet); bytes follow.
struct Store {
  Transfer transfer;
};
/// These bytes are the next of the transfer under way; borrowed from the frame.
struct Append {
  ByteView bytes;
};
/// The transfer under way is whole and is what its sender said; `sha256` is its digest.
struct Finish {
  Sha256Digest sha256{};
};

/// What one frame leads to: first the refusals (at most two: a bad Begin within another transfer),
/// then the action.
struct Step {
  std::vector<Refusal> refused;
  std::variant<std::monostate, Store, Append, Finish> action;
};

class TransferIntake {
 public:
  /// Whether the shell has room for a transfer with these fields; kRefused or kLimit with a reason
  /// that is told. Asked before a byte is stored.
  using Admission = std::function<Status(const Transfer&)>;

  TransferIntake(std::uint64_t max_file_bytes, Admission admission)
      : max_file_bytes_(max_file_bytes), admission_(std::move(admission)) {}

  /// Judges one frame. Never fails: what is no message voids the transfer under way.
  Step Take(const FrameView& frame);
  /// The stream ended or lost its step: the transfer under way is void.
  Step Interrupt(std::string reason);
  /// The shell could not store: the rest of the transfer is skipped, nothing more is said of it.
  void Skip() { current_.reset(); }

  [[nodiscard]] bool receiving() const { return current_.has_value(); }
  [[nodiscard]] const Transfer* current() const { return current_ ? &current_->transfer : nullptr; }

 private:
  struct Current {
    Transfer transfer;
    std::uint64_t received = 0;
    Sha256 hash;
  };

  Step TakeBegin(ByteView payload);
  Step TakeData(ByteView payload);
  Step TakeEnd(ByteView payload);
  Step RefuseCurrent(std::string reason, bool interrupted);
  [[nodiscard]] Status Judge(const Transfer& transfer) const;

  std::uint64_t max_file_bytes_;
  Admission admission_;
  std::optional<Current> current_;
};

}  // namespace bulkhead::diode
