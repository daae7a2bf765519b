// SPDX-License-Identifier: GPL-2.0-or-later
/// From a key's TOML value to ours. Each takes a field that may be absent (then: nothing, no
/// fault); a value of the wrong type, form or range is reported and gives nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vmspec/faults.h"
#include "vmspec/model.h"
#include "vmspec/table_reader.h"

namespace bulkhead::vmspec {

using NameSet = std::set<std::string>;

struct Range {
  std::uint64_t min;
  std::uint64_t max;
};

std::optional<std::uint32_t> ReadInteger(const Field& field, Range range, Faults& faults);
std::optional<bool> ReadBool(const Field& field, Faults& faults);
std::optional<std::string> ReadString(const Field& field, Faults& faults);
/// Printable, not empty, at most `max_bytes`: for people's eyes.
std::optional<std::string> ReadText(const Field& field, std::size_t max_bytes, Faults& faults);
std::optional<std::string> ReadName(const Field& field, Faults& faults);
/// The place of the value in `words`.
std::optional<std::size_t> ReadWord(const Field& field, std::span<const std::string> words,
                                    Faults& faults);
/// In bytes; a multiple of `unit_bytes`.
std::optional<std::uint64_t> ReadSize(const Field& field, Range bytes, std::uint64_t unit_bytes,
                                      Faults& faults);
std::optional<Prefix> ReadPrefix(const Field& field, Faults& faults);
/// { rank = 1, compartments = ["hq"] }
std::optional<Label> ReadLabel(const Field& field, Faults& faults);
/// 443, "8000-8099", or a list of these; the result is sorted, and no two ranges touch.
std::optional<std::vector<PortRange>> ReadPorts(const Field& field, Faults& faults);
/// One of `names`, else `code` and the one that may be meant. `what`: "level", "uplink".
std::optional<std::string> ReadReference(const Field& field, std::string_view what,
                                         const NameSet& names, std::string_view code,
                                         Faults& faults);

}  // namespace bulkhead::vmspec
