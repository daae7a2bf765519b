// SPDX-License-Identifier: GPL-2.0-or-later
#include "diode/spooling.h"

#include <utility>

namespace bulkhead::diode {

namespace {

/// A sync of many files costs little more than one of one: gather, but not for long.
constexpr std::size_t kGatherFiles = 16;
constexpr std::chrono::milliseconds kGatherTime{100};

std::string StorageReason(const Error& error) {
  if (error.sys_errno == ENOSPC || error.sys_errno == EDQUOT) return "the host's disk is full";
  return "the host could not store it: " + error.message;
}

}  // namespace

Spooling::Spooling(Spool spool, std::uint64_t max_file_bytes, Policy policy, SocketSlot report_slot,
                   TransferIntake::Admission admission, TimePoint now)
    : spool_(std::move(spool)),
      policy_(policy),
      report_(std::move(report_slot), now),
      intake_(max_file_bytes, std::move(admission)) {
  for (const auto& [seq, entry] : spool_.entries()) {
    if (entry.state == Spool::State::kHeld) to_ask_.push_back(seq);
  }
}

void Spooling::Do(Step step, TimePoint now) {
  for (const Refusal& refusal : step.refused) {
    spool_.DropPart();
    if (refusal.interrupted && !policy_.tell_interrupted) continue;
    report_.TellRefusal(refusal.transfer, refusal.reason, now);
  }
  std::visit([&](const auto& action) { Act(action, now); }, step.action);
}

void Spooling::Act(const Store& store, TimePoint now) {
  coming_ = store.transfer;
  if (auto s = spool_.StartPart(store.transfer); !s) GiveUp(s.error(), now);
}

void Spooling::Act(const Append& append, TimePoint now) {
  if (auto s = spool_.AppendPart(append.bytes); !s) GiveUp(s.error(), now);
}

void Spooling::Act(const Finish& finish, TimePoint now) {
  if (auto s = spool_.FinishPart(finish.sha256); !s) return GiveUp(s.error(), now);
  if (!unsynced_since_) unsynced_since_ = now;
}

void Spooling::GiveUp(const Error& error, TimePoint now) {
  spool_.DropPart();
  intake_.Skip();
  report_.TellRefusal(coming_, StorageReason(error), now);
}

void Spooling::Settle(bool input_waits, TimePoint now) {
  bool due = spool_.unsynced() >= kGatherFiles ||
             (spool_.unsynced() > 0 && (!input_waits || now - *unsynced_since_ >= kGatherTime));
  if (due) {
    for (const auto& [seq, entry] : spool_.entries()) {
      if (entry.state == Spool::State::kUnsynced) to_ask_.push_back(seq);
    }
    for (const auto& lost : spool_.Sync()) {
      report_.TellRefusal(lost.transfer, StorageReason(lost.error), now);
    }
    unsynced_since_.reset();
  }
  AskAll();
}

void Spooling::AskAll() {
  while (!to_ask_.empty() && report_.MayAsk()) {
    std::uint64_t seq = to_ask_.front();
    to_ask_.pop_front();
    auto found = spool_.entries().find(seq);
    if (found == spool_.entries().end()) continue;
    report_.Ask(DecisionOf(policy_.verdict, found->second.transfer, seq));
  }
}

}  // namespace bulkhead::diode
