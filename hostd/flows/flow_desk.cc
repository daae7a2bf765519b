// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/flows/flow_desk.h"

#include <algorithm>

#include "vmspec/base/sanitize.h"

namespace bulkhead::hostd {

namespace {

using Verdict = report::Decision::Verdict;

constexpr std::size_t kMaxText = 512;

/// Which half may say what.
bool Fits(Role::Kind kind, std::uint8_t verdict) {
  if (verdict == Verdict::kRefused) return kind != Role::Kind::kAgentd;
  if (verdict == Verdict::kAccepted) return kind == Role::Kind::kDiodeSend;
  return kind == Role::Kind::kDiodeReceive &&
         (verdict == Verdict::kPublished || verdict == Verdict::kHandedOver);
}

const char* ActionOf(std::uint8_t verdict) {
  switch (verdict) {
    case Verdict::kAccepted:
      return "flow.accept";
    case Verdict::kPublished:
      return "flow.publish";
    case Verdict::kHandedOver:
      return "flow.hand-over";
    default:
      return "flow.refuse";
  }
}

Entry EntryOf(const Role& half, const report::Decision& d) {
  bool refused = d.verdict == Verdict::kRefused;
  Entry entry{half.ToString(), ActionOf(d.verdict), half.name, refused ? "refused" : "allowed", {}};
  entry.detail = {{"transfer", Hex(d.transfer)},
                  {"name", Printable(d.name, kMaxText)},
                  {"size", std::to_string(d.size)}};
  if (refused) {
    entry.detail.emplace_back("reason", Printable(d.reason, kMaxText));
  } else {
    entry.detail.emplace_back("sha256", Hex(d.sha256));
  }
  return entry;
}

std::string DetailOf(const Entry& entry, std::string_view key) {
  for (const auto& [k, value] : entry.detail) {
    if (k == key) return value;
  }
  return {};
}

}  // namespace

Status FlowDesk::OnDecision(const Role& half, const report::Decision& decision) {
  if (!Fits(half.kind, decision.verdict)) {
    return Fail(ErrorCode::kCorrupt, half.ToString() + " sent verdict " +
                                         std::to_string(decision.verdict) +
                                         ", which is not its to give");
  }
  Entry entry = EntryOf(half, decision);
  if (decision.verdict == Verdict::kRefused) {
    Refused(half.name, std::move(entry));
    return {};
  }
  hooks_.record(entry, [this, half, entry, serial = decision.serial, v = decision.verdict] {
    hooks_.send(half, report::Recorded{serial});
    Count(half.name, v, entry);
  });
  return {};
}

void FlowDesk::Refused(const std::string& flow, Entry entry) {
  RefusalBudget& budget = budgets_[flow];
  if (budget.Take(hooks_.now_ms())) {
    if (auto n = budget.TakeLeftOut()) {
      entry.detail.emplace_back("not-recorded-before", std::to_string(n));
    }
    hooks_.record(entry, [] {});
  }
  Count(flow, Verdict::kRefused, entry);
}

void FlowDesk::Count(const std::string& flow, std::uint8_t verdict, const Entry& entry) {
  FlowCounts& c = counts_[flow];
  std::string name = DetailOf(entry, "name");
  switch (verdict) {
    case Verdict::kAccepted:
      ++c.accepted;
      c.last = name + " accepted";
      break;
    case Verdict::kPublished:
      ++c.published;
      c.last = name + " published";
      break;
    case Verdict::kHandedOver:
      c.last = name + " handed over";
      break;
    default:
      ++c.refused;
      c.last = name + " refused: " + DetailOf(entry, "reason");
  }
  hooks_.tell(flow, entry);
}

void FlowDesk::OnHalfUp(const Role& half) {
  if (half.kind != Role::Kind::kDiodeReceive || !applied_) return;
  const vmspec::Flow* flow = applied_->FindFlow(half.name);
  if (flow != nullptr && hooks_.is_ready(flow->to)) hooks_.send(half, report::GuestReady{});
}

void FlowDesk::OnLevelReady(const std::string& level) {
  if (!applied_) return;
  for (const auto& [name, flow] : applied_->spec.flows) {
    if (flow.to == level) hooks_.send({Role::Kind::kDiodeReceive, name}, report::GuestReady{});
  }
}

Status FlowDesk::OnDelivered(const std::string& level, const control::Delivered& delivered) {
  const vmspec::Flow* flow = applied_ ? applied_->FindFlow(delivered.flow) : nullptr;
  if (flow == nullptr || flow->to != level) {
    return Fail(ErrorCode::kCorrupt, "level " + level + " tells of a delivery on flow " +
                                         Printable(delivered.flow, 64) +
                                         ", which does not lead there");
  }
  Entry entry{"agentd@" + level,
              "flow.deliver",
              delivered.flow,
              delivered.stored ? "done" : "failed",
              {{"transfer", Hex(delivered.transfer)}}};
  if (!delivered.stored) entry.detail.emplace_back("reason", Printable(delivered.reason, kMaxText));
  hooks_.record(entry, [this, entry, d = delivered] {
    hooks_.send({Role::Kind::kDiodeReceive, d.flow}, report::Settled{d.transfer});
    FlowCounts& c = counts_[d.flow];
    ++c.delivered;
    c.last = d.stored ? "delivered" : "not stored by the level: " + DetailOf(entry, "reason");
    hooks_.tell(d.flow, entry);
  });
  return {};
}

/// The agent says that it refused, not why; the set in force knows whether a flow was missing.
std::string FlowDesk::WhyRefused(const std::string& level, const std::string& to) const {
  auto leads = [&](const auto& flow) { return flow.second.from == level && flow.second.to == to; };
  if (applied_ && std::ranges::any_of(applied_->spec.flows, leads)) {
    return "the level's agent does not send this file, by its name or its kind";
  }
  return "no flow leads from " + level + " to " + Printable(to, 64);
}

void FlowDesk::OnSendRefused(const std::string& level, const control::SendRefused& refused) {
  RefusalBudget& budget = budgets_["level:" + level];
  if (!budget.Take(hooks_.now_ms())) return;
  Entry entry{
      "level:" + level,
      "flow.send",
      Printable(refused.to, kMaxText),
      "refused",
      {{"name", Printable(refused.name, kMaxText)}, {"reason", WhyRefused(level, refused.to)}}};
  if (auto n = budget.TakeLeftOut()) {
    entry.detail.emplace_back("not-recorded-before", std::to_string(n));
  }
  hooks_.record(entry, [] {});
}

FlowCounts FlowDesk::CountsOf(const std::string& flow) const {
  auto it = counts_.find(flow);
  return it == counts_.end() ? FlowCounts{} : it->second;
}

}  // namespace bulkhead::hostd
