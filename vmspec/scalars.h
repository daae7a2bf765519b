// SPDX-License-Identifier: GPL-2.0-or-later
/// Strict readings of small texts: values in, values out. Each refuses what it does not know whole.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "vmspec/model.h"

namespace bulkhead::vmspec {

/// [a-z][a-z0-9-]{0,30}: levels, flows, uplinks, images, compartments.
bool IsName(std::string_view text);
inline constexpr char kNameRule[] =
    "a name has 1 to 31 of a-z, 0-9 and \"-\", and begins with a letter";

/// Decimal digits only; no sign, no space, no leading zero. Nothing on overflow.
std::optional<std::uint64_t> ParseNumber(std::string_view text);

/// "512 MiB": a whole number, one space, one of B, KiB, MiB, GiB, TiB; in bytes. Nothing on
/// overflow.
std::optional<std::uint64_t> ParseSize(std::string_view text);
/// The shortest text that ParseSize() reads as this many bytes.
std::string FormatSize(std::uint64_t bytes);

/// "90 s", "5 min", "2 h", "7 d": a whole number, one space, a unit; in seconds. Nothing on
/// overflow.
std::optional<std::uint64_t> ParseDuration(std::string_view text);
/// The shortest text that ParseDuration() reads as this many seconds.
std::string FormatDuration(std::uint64_t seconds);

/// "10 Mbit/s": a whole number, one space, one of bit/s, kbit/s, Mbit/s, Gbit/s (powers of 1000).
std::optional<std::uint64_t> ParseBitRate(std::string_view text);
std::string FormatBitRate(std::uint64_t bits_per_s);

/// "2027-01-31T18:00:00Z" (RFC 3339, UTC, whole seconds, from 1970 to 9999); seconds since 1970.
std::optional<std::int64_t> ParseMoment(std::string_view text);
std::string FormatMoment(std::int64_t unix_s);

/// "02:00-05:00" as minutes after midnight; the end may be before the start (over midnight) but
/// not equal to it.
std::optional<std::pair<std::uint16_t, std::uint16_t>> ParseWindow(std::string_view text);

/// RFC 1123, at most 253 bytes; not something that looks like an IPv4 address.
bool IsHostName(std::string_view text);

/// "8000-8099" or "443"; 1..65535, the first not above the last.
std::optional<PortRange> ParsePorts(std::string_view text);

/// "#2a7de1"
bool IsColour(std::string_view text);

/// A name that Linux gives an interface and that is not ours to attach levels to: 1..15 of
/// [A-Za-z0-9._-], neither "lo" nor "." nor "..", nor one of the levels' own ("bh-...").
bool IsUplinkInterface(std::string_view text);

}  // namespace bulkhead::vmspec
