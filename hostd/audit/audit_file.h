// SPDX-License-Identifier: GPL-2.0-or-later
/// Reading an audit log through a descriptor, in bounded memory. No state; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "vmspec/base/audit_record.h"

namespace bulkhead::hostd {

/// No record is longer; a longer line is not ours.
inline constexpr std::size_t kMaxAuditLine = 1UL << 20;

/// Bytes [from, from + size); kCorrupt when they are not there (any more).
Result<std::string> ReadAuditBytes(int fd, std::uint64_t from, std::size_t size);

/// Checks the bytes [0, end) of the log.
Result<AuditVerdict> VerifyAuditFile(int fd, std::uint64_t end);

/// As VerifyAuditFile, but of a log longer than `most` bytes only the records that begin in the
/// last `most`; the first of them is believed in what it says it follows.
Result<AuditVerdict> VerifyAuditEnd(int fd, std::uint64_t end, std::uint64_t most);

/// Where the last newline before `end` ends; 0: there is none. kCorrupt when the line after it is
/// longer than kMaxAuditLine.
Result<std::uint64_t> EndOfLastLine(int fd, std::uint64_t end);

/// The last `n` lines of [0, end), oldest first, of which at most `most` bytes are read.
Result<std::vector<std::string>> LastLines(int fd, std::uint64_t end, std::size_t n,
                                           std::size_t most);

}  // namespace bulkhead::hostd
