// SPDX-License-Identifier: GPL-2.0-or-later
/// Lowering: one level of a checked spec set as everything that the parts of the host are told of
/// it. Pure: values in, values out; hostd (hostd/level/bring_up.cc) tells it, `bulkhead spec lower`
/// prints it, golden files hold it.
#pragma once

#include <string>
#include <vector>

#include "hostd/applied_spec.h"
#include "hostd/lower/lower_devices.h"
#include "hostd/lower/lower_domain.h"
#include "hostd/lower/lower_instances.h"
#include "vmspec/base/paths.h"

namespace bulkhead::hostd {

/// The set with the numbers that a hostd gives it which has numbered no other before. kLimit: more
/// levels or flows than there are numbers.
Result<AppliedSpec> NumberAnew(vmspec::SpecSet spec);

/// The facts of a start that nobody asked for: KVM unless the set says TCG, no command line, no
/// image version, at no time. So that two printings of one set are the same.
StartFacts FactsOfNoStart(const Paths& paths, const vmspec::SpecSet& spec,
                          const vmspec::Level& level);

struct Lowered {
  std::string level;
  std::uint32_t index = 0;
  std::string domain;   ///< libvirt's XML
  std::string ruleset;  ///< nft(8); empty: no network
  std::vector<DiodeRoute> routes;
  std::vector<vmspec::DeviceRule> device_rules;
  std::vector<Grant> grants;
};

/// kNotFound: no such level. Else what the domain or the network of the level is refused for, as
/// at a start: kInvalid or kLimit.
/// @param now_unix_s  network rules that have ended then are not in the ruleset
Result<Lowered> Lower(const Paths& paths, const AppliedSpec& applied, const std::string& level,
                      const StartFacts& facts, std::int64_t now_unix_s);

/// The errors of Lower() without what it makes: a set of a thousand levels has no use for it.
Status CanLower(const Paths& paths, const AppliedSpec& applied, const std::string& level,
                const StartFacts& facts, std::int64_t now_unix_s);

// lowered_text.cc: for people to read and diff. Every text from the spec in them is printable.

std::string RoutesText(const std::vector<DiodeRoute>& routes);
std::string DeviceRulesText(const std::vector<vmspec::DeviceRule>& rules);
std::string GrantsText(const std::vector<Grant>& grants);
/// All five under a heading each.
std::string LoweredText(const Lowered& lowered);

/// The limits of a grant as words: "read-only", "at most 30 s at a time".
std::vector<std::string> LimitsOf(const Grant& grant);

}  // namespace bulkhead::hostd
