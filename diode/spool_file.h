// SPDX-License-Identifier: GPL-2.0-or-later
/// How one transfer lies in a spool: a file SEQ.STATE, SEQ being 16 hex digits in order of arrival.
/// One page of header (what is known of the transfer), then the content.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "diode/transfer.h"

namespace bulkhead::diode {

/// Content begins on the second page, so that it can be moved page by page.
inline constexpr std::uint64_t kContentOffset = 4096;

inline constexpr std::string_view kPartSuffix = ".part";    ///< comes in; void after a restart
inline constexpr std::string_view kHeldSuffix = ".held";    ///< whole; hostd has not recorded it
inline constexpr std::string_view kReadySuffix = ".ready";  ///< recorded: may go on

std::string SpoolName(std::uint64_t seq, std::string_view suffix);
/// The number, when `name` is exactly SpoolName(number, suffix).
std::optional<std::uint64_t> ParseSpoolName(std::string_view name, std::string_view suffix);

/// At most kContentOffset bytes, with a checksum.
Bytes EncodeSpoolHeader(const Transfer& transfer);
/// kCorrupt when it is not what EncodeSpoolHeader() gave.
Result<Transfer> DecodeSpoolHeader(ByteView page);

}  // namespace bulkhead::diode
