// SPDX-License-Identifier: GPL-2.0-or-later
#include "diode/report_link.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>

#include "vmspec/base/sanitize.h"

namespace bulkhead::diode {

namespace {

constexpr std::chrono::milliseconds kRetry{250};
constexpr std::size_t kMaxTellName = 1000;

}  // namespace

report::Decision DecisionOf(report::Decision::Verdict verdict, const Transfer& transfer,
                            std::uint64_t serial, std::string reason) {
  return {serial,           static_cast<std::uint8_t>(verdict),
          transfer.id,      Printable(transfer.name, kMaxTellName),
          transfer.size,    transfer.sha256,
          std::move(reason)};
}

ReportLink::ReportLink(SocketSlot slot, TimePoint now) : slot_(std::move(slot)), credit_at_(now) {}

void ReportLink::Ask(report::Decision decision) {
  auto [at, fresh] = asked_.try_emplace(decision.serial, decision);
  if (!fresh || !slot_.connected()) return;
  out_.push_back({report::Encode(report::ToHostd(at->second)), true});
}

void ReportLink::Tell(report::Decision decision) {
  if (out_.size() >= kMaxTold) {
    ++untold_;
    return;
  }
  out_.push_back({report::Encode(report::ToHostd(std::move(decision))), false});
}

void ReportLink::TellRefusal(const Transfer& transfer, const std::string& reason, TimePoint now) {
  std::chrono::duration<double> passed = now - credit_at_;
  credit_at_ = now;
  refusal_credit_ = std::min(kRefusalBurst, refusal_credit_ + passed.count() * kRefusalsPerSecond);
  if (refusal_credit_ < 1) {
    ++untold_;
    return;
  }
  refusal_credit_ -= 1;
  Tell(DecisionOf(report::Decision::kRefused, transfer, 0, reason));
}

/// What was only counted, once there is room and credit to say it.
void ReportLink::TellSummary(TimePoint now) {
  if (untold_ == 0 || out_.size() >= kMaxTold || !slot_.connected()) return;
  std::chrono::duration<double> passed = now - credit_at_;
  if (refusal_credit_ + passed.count() * kRefusalsPerSecond < 1) return;
  std::uint64_t count = std::exchange(untold_, 0);
  TellRefusal({}, std::to_string(count) + " more were refused too fast to be told one by one", now);
}

short ReportLink::events() const {
  return static_cast<short>(POLLIN | (out_.empty() ? 0 : POLLOUT));
}

std::optional<TimePoint> ReportLink::wakes_at() const {
  if (!slot_.connected()) return retry_at_;
  if (untold_ > 0) return credit_at_ + std::chrono::milliseconds(500);
  return std::nullopt;
}

std::vector<report::FromHostd> ReportLink::Run(short revents, TimePoint now) {
  std::vector<report::FromHostd> heard;
  if (!slot_.connected() && now >= retry_at_) Connect(now);
  if (!slot_.connected()) return heard;
  TellSummary(now);
  Status status;
  if (revents & (POLLIN | POLLHUP | POLLERR)) status = Read(heard);
  if (status && !out_.empty()) status = Write();
  if (!status) Drop(now);
  return heard;
}

void ReportLink::Connect(TimePoint now) {
  if (!slot_.Connect()) {
    retry_at_ = now + kRetry;
    return;
  }
  reader_.emplace(report::kReportMaxPayload);
  for (const auto& [serial, decision] : asked_) {
    out_.push_back({report::Encode(report::ToHostd(decision)), true});
  }
}

void ReportLink::Drop(TimePoint now) {
  slot_.Drop();
  reader_.reset();
  retry_at_ = now + kRetry;
  // The questions are asked anew from asked_; what was only told goes on waiting.
  std::erase_if(out_, [](const Out& out) { return out.asks; });
  sent_of_first_ = 0;
}

Status ReportLink::Read(std::vector<report::FromHostd>& heard) {
  std::array<std::uint8_t, 16384> buffer;
  ssize_t n = ::recv(slot_.fd(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return {};
  if (n <= 0) return Fail(ErrorCode::kUnavailable, "hostd closed the connection");
  ByteView in = ByteView(buffer).first(static_cast<std::size_t>(n));
  while (!in.empty()) {
    auto taken = reader_->Feed(in);
    if (!taken) return Propagate(taken);
    in = in.subspan(*taken);
    auto frame = reader_->Next();
    if (!frame) continue;
    auto message = report::DecodeFromHostd(*frame);
    if (!message) return Propagate(message);
    if (auto* recorded = std::get_if<report::Recorded>(&*message)) {
      // An answer to nothing is no record.
      if (asked_.erase(recorded->serial) == 0) continue;
    }
    heard.push_back(std::move(*message));
  }
  return {};
}

Status ReportLink::Write() {
  while (!out_.empty()) {
    ByteView rest = ByteView(out_.front().frame).subspan(sent_of_first_);
    ssize_t n = ::send(slot_.fd(), rest.data(), rest.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return {};
    if (n < 0) return FailErrno("send to hostd");
    sent_of_first_ += static_cast<std::size_t>(n);
    if (sent_of_first_ < out_.front().frame.size()) continue;
    out_.pop_front();
    sent_of_first_ = 0;
  }
  return {};
}

}  // namespace bulkhead::diode
