// SPDX-License-Identifier: GPL-2.0-or-later
/// A ruleset in the language of nft(8): for golden files, digests, people, and as the peer's input
/// in the benchmark. Never fed to nft by the daemon.
#pragma once

#include "netpolicy/ruleset.h"

namespace bulkhead::netpolicy {

std::string RuleText(const Rule& rule);     ///< one line, without a newline
std::string ChainText(const Chain& chain);  ///< `chain low/out {...}`
/// Both tables whole: `nft -f` of it gives what a RulesetSink commits.
std::string RulesetText(const Ruleset& ruleset);
/// The change of one level in a ruleset that has the level: flush and add again.
std::string LevelChangeText(const LevelRules& level);

/// Names the content of a chain: two chains with one digest have the same rules in the same order.
std::array<std::uint8_t, 16> ChainDigest(const Chain& chain);

}  // namespace bulkhead::netpolicy
