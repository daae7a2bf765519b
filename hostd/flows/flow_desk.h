// SPDX-License-Identifier: GPL-2.0-or-later
/// What the halves of the flows decide, recorded before they act (I7), counted and told; and the
/// two words that a receiving half needs from its level's agent. Main-loop thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "hostd/applied_spec.h"
#include "hostd/flows/refusal_budget.h"
#include "hostd/report/role.h"
#include "vmspec/base/control_messages.h"
#include "vmspec/base/report_messages.h"

namespace bulkhead::hostd {

/// Since this hostd began; the audit log has everything.
struct FlowCounts {
  std::uint64_t accepted = 0;
  std::uint64_t refused = 0;
  std::uint64_t published = 0;
  std::uint64_t delivered = 0;
  std::string last;  ///< a printable sentence
  /// Accepted and neither delivered nor refused for good.
  [[nodiscard]] std::uint64_t Waiting() const {
    return accepted > delivered ? accepted - delivered : 0;
  }
};

/// One line for the audit log.
struct Entry {
  std::string actor;
  std::string action;
  std::string subject;
  std::string outcome;
  std::vector<std::pair<std::string, std::string>> detail;
};

class FlowDesk {
 public:
  struct Hooks {
    /// Makes the entry durable, then runs `then` on the main loop; an entry that cannot be
    /// written is told and `then` never runs (state stays closed).
    std::function<void(Entry, std::function<void()> then)> record;
    std::function<void(const Role&, report::FromHostd)> send;
    /// Something worth a FlowEvent: flow, and what it is as words.
    std::function<void(const std::string& flow, const Entry& entry)> tell;
    std::function<bool(const std::string& level)> is_ready;
    std::function<std::int64_t()> now_ms;
  };
  explicit FlowDesk(Hooks hooks) : hooks_(std::move(hooks)) {}

  void SetApplied(AppliedSpecPtr applied) { applied_ = std::move(applied); }

  /// A half says what it is about to do. kCorrupt: not of its kind; the connection ends.
  Status OnDecision(const Role& half, const report::Decision& decision);
  /// A half is connected: a receiving one is told when its level is ready.
  void OnHalfUp(const Role& half);
  /// The level's agent is ready: the receiving halves that lead to it may send.
  void OnLevelReady(const std::string& level);
  /// The level's agent has stored a transfer, or cannot. kCorrupt: no flow of that name leads
  /// there.
  Status OnDelivered(const std::string& level, const control::Delivered& delivered);
  /// A user in a level asked to send where no flow leads.
  void OnSendRefused(const std::string& level, const control::SendRefused& refused);

  [[nodiscard]] FlowCounts CountsOf(const std::string& flow) const;

 private:
  using Verdict = report::Decision::Verdict;
  void Refused(const std::string& flow, Entry entry);
  [[nodiscard]] std::string WhyRefused(const std::string& level, const std::string& to) const;
  void Count(const std::string& flow, std::uint8_t verdict, const Entry& entry);

  Hooks hooks_;
  AppliedSpecPtr applied_;
  std::map<std::string, FlowCounts> counts_;
  std::map<std::string, RefusalBudget> budgets_;  ///< by flow, and "level:NAME" for send-refused
};

}  // namespace bulkhead::hostd
