// SPDX-License-Identifier: GPL-2.0-or-later
/// One line of the audit log, and the chain that ties each line to the one before (I7).
/// Format (docs/protocols/audit.md): one JSON object a line, keys in fixed order:
///   {"seq":N,"time":"2026-11-24T03:45:00.123456Z","prev":"<64
///   hex>","actor":"uid:0","action":"level.start",
///    "subject":"low","outcome":"allowed|refused|failed|done","detail":{"k":"v",...},"hash":"<64
///    hex>"}
/// hash = SHA-256 over the line's bytes up to and without `,"hash"`. prev = hash of the line
/// before; 64 zeros for the first.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "vmspec/base/error.h"
#include "vmspec/base/sha256.h"

namespace bulkhead {

struct AuditRecord {
  std::uint64_t seq = 0;     ///< from 1, without gaps
  std::int64_t time_us = 0;  ///< microseconds since 1970, UTC
  std::string actor;         ///< "uid:0", "level:low", "hostd", "broker"
  std::string action;        ///< "level.start", "flow.transfer", "device.lend", "spec.apply"
  std::string subject;       ///< the level, flow or device
  std::string outcome;       ///< "allowed", "refused", "failed" or "done"
  std::vector<std::pair<std::string, std::string>> detail;  ///< hostile text allowed: it is escaped
};

/// The line without its newline, and its hash for the next line's `prev`.
struct ChainedLine {
  std::string line;
  Sha256Digest hash;
};
ChainedLine ChainRecord(const AuditRecord& record, const Sha256Digest& prev);

struct AuditVerdict {
  std::uint64_t records = 0;
  Sha256Digest last{};         ///< hash of the last good line
  std::uint64_t bad_line = 0;  ///< 1-based; 0: all good
  std::string reason;          ///< why that line is bad
  bool torn_tail = false;      ///< the last line is cut off (power cut); all before it is good
};
/// Checks a whole log: chain, sequence, form.
AuditVerdict VerifyAuditLog(std::string_view content);
/// Goes on where `so_far` ended, for a log that is read in parts: `content` begins with a line.
AuditVerdict VerifyAuditLines(std::string_view content, AuditVerdict so_far);

/// What `line` (without newline) claims to follow: records and last as they were before it. For a
/// check that begins in the middle. kCorrupt when it is no audit record.
Result<AuditVerdict> AuditPositionBefore(std::string_view line);

}  // namespace bulkhead
