// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "diode/fixed_fds.h"
#include "diode/send_order.h"
#include "diode/transfer.h"
#include "vmspec/base/report_messages.h"

namespace bulkhead::diode {

/// So many questions are open at once; a half holds the rest back.
inline constexpr std::size_t kMaxAsked = 64;
/// What waits for a hostd that is away; further refusals are counted and told as one.
inline constexpr std::size_t kMaxTold = 512;
/// Refusals a hostile guest can make hostd write, one by one, before they are told as one.
inline constexpr double kRefusalsPerSecond = 4;
inline constexpr double kRefusalBurst = 200;

/// A half's connection to hostd's report socket. It outlives hostd: what was asked and not answered
/// is asked again on the next connection.
class ReportLink {
 public:
  explicit ReportLink(SocketSlot slot, TimePoint now);

  /// Asks for the record of `decision`; Recorded with its serial is the answer. Not twice while it
  /// is open.
  void Ask(report::Decision decision);
  [[nodiscard]] bool MayAsk() const { return asked_.size() < kMaxAsked; }
  [[nodiscard]] bool Asked(std::uint64_t serial) const { return asked_.contains(serial); }
  /// Tells what needs no answer.
  void Tell(report::Decision decision);
  /// A Decision{kRefused}, with the name made harmless.
  void TellRefusal(const Transfer& transfer, const std::string& reason, TimePoint now);

  // For the half's poll loop.
  [[nodiscard]] short events() const;
  [[nodiscard]] int fd() const { return slot_.connected() ? slot_.fd() : -1; }
  [[nodiscard]] std::optional<TimePoint> wakes_at() const;
  /// Connects when it is time, reads and writes what is possible, and returns what hostd said.
  std::vector<report::FromHostd> Run(short revents, TimePoint now);

 private:
  struct Out {
    Bytes frame;
    bool asks;
  };
  void Connect(TimePoint now);
  void Drop(TimePoint now);
  Status Read(std::vector<report::FromHostd>& heard);
  Status Write();
  void TellSummary(TimePoint now);

  SocketSlot slot_;
  std::optional<FrameReader> reader_;
  std::deque<Out> out_;
  std::size_t sent_of_first_ = 0;
  std::map<std::uint64_t, report::Decision> asked_;
  TimePoint retry_at_{};
  double refusal_credit_ = kRefusalBurst;
  TimePoint credit_at_;
  std::uint64_t untold_ = 0;
};

/// The record of what happens to `transfer`; its name is made printable.
report::Decision DecisionOf(report::Decision::Verdict verdict, const Transfer& transfer,
                            std::uint64_t serial = 0, std::string reason = {});

}  // namespace bulkhead::diode
