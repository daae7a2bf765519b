// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/base/audit_record.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <ctime>

#include "vmspec/base/sanitize.h"

namespace bulkhead {

namespace {

std::string Utc(std::int64_t time_us) {
  std::time_t seconds = static_cast<std::time_t>(time_us / 1'000'000);
  std::tm tm{};
  gmtime_r(&seconds, &tm);
  char date[32];
  std::strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &tm);
  char out[64];
  std::snprintf(out, sizeof out, "%s.%06dZ", date, static_cast<int>(time_us % 1'000'000));
  return out;
}

constexpr std::string_view kHashKey = ",\"hash\":\"";
/// No `prev` begins later than this in a line.
constexpr std::size_t kLongestHead = 200;
constexpr std::size_t kHashTail = kHashKey.size() + 64 + 2;  // ...<64 hex>"}

ByteView AsBytes(std::string_view s) {
  return {reinterpret_cast<const std::uint8_t*>(s.data()), s.size()};
}

/// Why `line` cannot follow `prev`; empty when it can. Fills `hash`.
std::string CheckLine(std::string_view line, std::uint64_t seq, const Sha256Digest& prev,
                      Sha256Digest& hash) {
  if (line.size() < kHashTail || !line.ends_with("\"}")) return "not an audit record";
  std::string_view body = line.substr(0, line.size() - kHashTail);
  std::string_view tail = line.substr(body.size());
  if (!tail.starts_with(kHashKey)) return "not an audit record";
  hash = Sha256Of(AsBytes(body));
  if (tail.substr(kHashKey.size(), 64) != Hex(hash)) return "its content was changed";
  std::string head = "{\"seq\":" + std::to_string(seq) + ",\"time\":\"";
  if (!body.starts_with(head)) return "a record is missing before it, or it was moved";
  std::string link = "\"prev\":\"" + Hex(prev) + "\"";
  if (body.substr(head.size(), kLongestHead).find(link) == std::string_view::npos) {
    return "it does not follow the record before it";
  }
  return {};
}

}  // namespace

ChainedLine ChainRecord(const AuditRecord& r, const Sha256Digest& prev) {
  std::string body = "{\"seq\":" + std::to_string(r.seq) + ",\"time\":\"" + Utc(r.time_us) +
                     "\",\"prev\":\"" + Hex(prev) + "\",\"actor\":" + JsonString(r.actor) +
                     ",\"action\":" + JsonString(r.action) +
                     ",\"subject\":" + JsonString(r.subject) +
                     ",\"outcome\":" + JsonString(r.outcome) + ",\"detail\":{";
  bool first = true;
  for (const auto& [key, value] : r.detail) {
    if (!first) body += ',';
    first = false;
    body += JsonString(key) + ":" + JsonString(Printable(value, 1024));
  }
  body += '}';
  Sha256Digest hash = Sha256Of(AsBytes(body));
  return {body + std::string(kHashKey) + Hex(hash) + "\"}", hash};
}

AuditVerdict VerifyAuditLog(std::string_view content) { return VerifyAuditLines(content, {}); }

AuditVerdict VerifyAuditLines(std::string_view content, AuditVerdict v) {
  while (!content.empty()) {
    auto newline = content.find('\n');
    if (newline == std::string_view::npos) {
      v.torn_tail = true;
      return v;
    }
    std::string_view line = content.substr(0, newline);
    content.remove_prefix(newline + 1);
    Sha256Digest hash{};
    v.reason = CheckLine(line, v.records + 1, v.last, hash);
    if (!v.reason.empty()) {
      v.bad_line = v.records + 1;
      return v;
    }
    v.last = hash;
    ++v.records;
  }
  return v;
}

Result<AuditVerdict> AuditPositionBefore(std::string_view line) {
  constexpr std::string_view kSeq = "{\"seq\":";
  constexpr std::string_view kPrev = "\"prev\":\"";
  auto prev = line.substr(0, kLongestHead).find(kPrev);
  std::uint64_t seq = 0;
  if (!line.starts_with(kSeq) || prev == std::string_view::npos) {
    return Fail(ErrorCode::kCorrupt, "not an audit record");
  }
  auto [end, error] = std::from_chars(line.data() + kSeq.size(), line.data() + prev, seq);
  auto hash = Unhex(line.substr(prev + kPrev.size(), 64));
  if (error != std::errc() || *end != ',' || seq == 0 || !hash || hash->size() != 32) {
    return Fail(ErrorCode::kCorrupt, "not an audit record");
  }
  AuditVerdict before;
  before.records = seq - 1;
  std::ranges::copy(*hash, before.last.begin());
  return before;
}

}  // namespace bulkhead
