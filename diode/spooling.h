// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <chrono>
#include <deque>
#include <functional>

#include "diode/report_link.h"
#include "diode/spool.h"
#include "diode/transfer_intake.h"

namespace bulkhead::diode {

/// What both halves do with what comes in: frames through the intake into the spool, then hostd is
/// asked to record, and only when it has does a transfer go on. One event loop, never waits for
/// anybody but the disk.
class Spooling {
 public:
  struct Policy {
    report::Decision::Verdict verdict;  ///< what hostd is asked to record of a whole transfer
    bool tell_interrupted;              ///< whether a transfer that broke off is told as a refusal
  };

  Spooling(Spool spool, std::uint64_t max_file_bytes, Policy policy, SocketSlot report_slot,
           TransferIntake::Admission admission, TimePoint now);

  void Take(const FrameView& frame, TimePoint now) { Do(intake_.Take(frame), now); }
  void Interrupt(const std::string& reason, TimePoint now) { Do(intake_.Interrupt(reason), now); }
  [[nodiscard]] bool receiving() const { return intake_.receiving(); }

  /// Makes durable what is whole, when it pays: no more input waits, enough is gathered, or it
  /// waited long enough. Then asks hostd.
  void Settle(bool input_waits, TimePoint now);
  /// Work that does not wait for anybody: call Settle() soon.
  [[nodiscard]] bool unsettled() const { return spool_.unsynced() > 0; }

  Spool& spool() { return spool_; }
  ReportLink& report() { return report_; }

 private:
  void Do(Step step, TimePoint now);
  void Act(const Store& store, TimePoint now);
  void Act(const Append& append, TimePoint now);
  void Act(const Finish& finish, TimePoint now);
  void Act(std::monostate, TimePoint) {}
  void GiveUp(const Error& error, TimePoint now);
  void AskAll();

  Spool spool_;
  Policy policy_;
  ReportLink report_;
  TransferIntake intake_;
  Transfer coming_;  ///< the transfer under way, as the intake gave it
  std::deque<std::uint64_t> to_ask_;
  std::optional<TimePoint> unsynced_since_;
};

}  // namespace bulkhead::diode
