// SPDX-License-Identifier: GPL-2.0-or-later
/// From one TOML value to ours, as a key's schema says. A value of the wrong type, form or range is
/// reported and gives nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vmspec/document.h"
#include "vmspec/faults.h"
#include "vmspec/model.h"
#include "vmspec/schema.h"
#include "vmspec/scope.h"

namespace bulkhead::vmspec {

std::optional<bool> ReadFlag(const KeySchema& key, const Node& node, Faults& faults);
/// kInteger, kSize (bytes), kDuration (seconds, 0 for "never"), kBitRate (bits per second).
std::optional<std::uint64_t> ReadNumber(const KeySchema& key, const Node& node, Faults& faults);
/// Every form that is a text, references and words too.
std::optional<std::string> ReadString(const KeySchema& key, const Node& node, const Scope& scope,
                                      Faults& faults);
/// The place of the value in `key.words`.
std::optional<std::size_t> ReadWord(const KeySchema& key, const Node& node, Faults& faults);
/// kAddress, kNetwork.
std::optional<Prefix> ReadPrefix(const KeySchema& key, const Node& node, Faults& faults);
/// kDestination: fills `to` or `to_name` of the rule.
bool ReadDestination(const KeySchema& key, const Node& node, NetRule& rule, Faults& faults);
/// 443, "8000-8099", or a list of these; the result is sorted, and no two ranges touch.
std::optional<std::vector<PortRange>> ReadPorts(const KeySchema& key, const Node& node,
                                                Faults& faults);
/// { rank = 1, compartments = ["hq"] }
std::optional<Label> ReadLabel(const Node& node, const Scope& scope, Faults& faults);

/// What the key has when nothing is said; nullptr: nothing. Lives for ever.
const Node* FallbackOf(const KeySchema& key);

}  // namespace bulkhead::vmspec
