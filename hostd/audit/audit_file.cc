// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/audit/audit_file.h"

#include <unistd.h>

#include <algorithm>

namespace bulkhead::hostd {

namespace {

constexpr std::size_t kChunk = 1UL << 20;

/// Checks [from, end), which begins with a line, as going on from `verdict`.
Result<AuditVerdict> VerifyRange(int fd, std::uint64_t from, std::uint64_t end,
                                 AuditVerdict verdict) {
  std::string pending;
  while (from < end) {
    std::size_t size = std::min<std::uint64_t>(kChunk, end - from);
    auto chunk = ReadAuditBytes(fd, from, size);
    if (!chunk) return Propagate(chunk);
    from += size;
    pending += *chunk;
    std::size_t whole = pending.rfind('\n') + 1;  // npos + 1 == 0: no line ends here
    verdict = VerifyAuditLines(std::string_view(pending).substr(0, whole), verdict);
    if (verdict.bad_line != 0) return verdict;
    pending.erase(0, whole);
    if (pending.size() > kMaxAuditLine) {
      verdict.bad_line = verdict.records + 1;
      verdict.reason = "it is longer than any record";
      return verdict;
    }
  }
  verdict.torn_tail = !pending.empty();
  return verdict;
}

}  // namespace

Result<std::string> ReadAuditBytes(int fd, std::uint64_t from, std::size_t size) {
  std::string out(size, '\0');
  std::size_t got = 0;
  while (got < size) {
    ssize_t n = ::pread(fd, out.data() + got, size - got, static_cast<off_t>(from + got));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return FailErrno("read the audit log");
    if (n == 0) return Fail(ErrorCode::kCorrupt, "the audit log became shorter while it was read");
    got += static_cast<std::size_t>(n);
  }
  return out;
}

Result<AuditVerdict> VerifyAuditFile(int fd, std::uint64_t end) {
  return VerifyRange(fd, 0, end, {});
}

Result<AuditVerdict> VerifyAuditEnd(int fd, std::uint64_t end, std::uint64_t most) {
  if (end <= most) return VerifyAuditFile(fd, end);
  std::uint64_t from = end - most;
  auto head = ReadAuditBytes(fd, from, std::min<std::uint64_t>(most, 2 * kMaxAuditLine));
  if (!head) return Propagate(head);
  auto first = head->find('\n') + 1;
  auto second = head->find('\n', first);
  if (first == 0 || second == std::string::npos) {
    return Fail(ErrorCode::kCorrupt, "its end holds no audit record");
  }
  auto before = AuditPositionBefore(std::string_view(*head).substr(first, second - first));
  if (!before) return Propagate(before, "at byte " + std::to_string(from + first));
  return VerifyRange(fd, from + first, end, *before);
}

Result<std::uint64_t> EndOfLastLine(int fd, std::uint64_t end) {
  std::size_t size = std::min<std::uint64_t>(end, kMaxAuditLine + 1);
  auto tail = ReadAuditBytes(fd, end - size, size);
  if (!tail) return Propagate(tail);
  auto newline = tail->rfind('\n');
  if (newline != std::string::npos) return end - size + newline + 1;
  if (size == end) return 0;
  return Fail(ErrorCode::kCorrupt, "its last line is longer than any record");
}

Result<std::vector<std::string>> LastLines(int fd, std::uint64_t end, std::size_t n,
                                           std::size_t most) {
  std::string text;
  std::uint64_t from = end;
  // One newline more than lines: the one before the first line.
  auto enough = [&] { return std::ranges::count(text, '\n') > static_cast<std::ptrdiff_t>(n); };
  while (n > 0 && from > 0 && text.size() < most && !enough()) {
    std::size_t size = std::min<std::uint64_t>({from, kChunk / 16, most - text.size()});
    auto chunk = ReadAuditBytes(fd, from - size, size);
    if (!chunk) return Propagate(chunk);
    from -= size;
    text.insert(0, *chunk);
  }
  if (from > 0) text.erase(0, text.find('\n') + 1);  // the rest of a line that began earlier
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size();) {
    auto newline = std::min(text.find('\n', at), text.size());
    lines.push_back(text.substr(at, newline - at));
    at = newline + 1;
  }
  if (lines.size() > n) lines.erase(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(n));
  return lines;
}

}  // namespace bulkhead::hostd
