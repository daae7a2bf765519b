// SPDX-License-Identifier: GPL-2.0-or-later
/// Strict readings of small texts: values in, values out. Each refuses what it does not know whole.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

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

/// "8000-8099" or "443"; 1..65535, the first not above the last.
std::optional<PortRange> ParsePorts(std::string_view text);

/// "#2a7de1"
bool IsColour(std::string_view text);

/// A name that Linux gives an interface and that is not ours to attach levels to: 1..15 of
/// [A-Za-z0-9._-], neither "lo" nor "." nor "..", nor one of the levels' own ("bh-...").
bool IsUplinkInterface(std::string_view text);

}  // namespace bulkhead::vmspec
