// SPDX-License-Identifier: GPL-2.0-or-later
/// Who may get which device. One sentence of policy is one Rule; any that denies wins, whatever the
/// order; where none allows, the answer is no. Pure.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "device-broker/medium.h"
#include "device-broker/policy.h"

namespace bulkhead::broker {

struct Question {
  const Policy& policy;
  const Medium& medium;
  std::string level;
  bool write = false;

  /// nullptr: the applied spec has no such level.
  [[nodiscard]] const vmspec::DevicePolicy* Storage() const {
    auto found = policy.levels.find(level);
    return found == policy.levels.end() ? nullptr : &found->second;
  }
};

enum class Opinion : std::uint8_t { kIgnore, kAllow, kDeny };

struct Judgement {
  Opinion opinion = Opinion::kIgnore;
  std::string reason;  ///< of a denial: a sentence that names where the spec says it
};

class Rule {
 public:
  virtual ~Rule() = default;
  [[nodiscard]] virtual Judgement Judge(const Question& question) const = 0;
};

/// Unknown levels get nothing.
struct LevelIsInTheSpec : Rule {
  [[nodiscard]] Judgement Judge(const Question& question) const override;
};
/// A device of a class that no rule can speak of reaches nobody.
struct ClassIsKnown : Rule {
  [[nodiscard]] Judgement Judge(const Question& question) const override;
};
/// A level whose storage is "none" gets none.
struct ModeNoneGetsNothing : Rule {
  [[nodiscard]] Judgement Judge(const Question& question) const override;
};
/// Writing needs the level's word for it.
struct WriteNeedsTheSpec : Rule {
  [[nodiscard]] Judgement Judge(const Question& question) const override;
};
/// A `deny` of devices.toml that matches the device by any of its names holds.
struct DenyRuleHolds : Rule {
  [[nodiscard]] Judgement Judge(const Question& question) const override;
};
/// Once an `allow` of devices.toml speaks of the level, the level gets only what an `allow`
/// matches.
struct AllowRulesNarrow : Rule {
  [[nodiscard]] Judgement Judge(const Question& question) const override;
};
/// A level whose storage is "manual" or "automatic" may be lent media. The only one that allows.
struct ModeAllowsLending : Rule {
  [[nodiscard]] Judgement Judge(const Question& question) const override;
};

using RuleList = std::vector<std::unique_ptr<Rule>>;
/// All of the above.
const RuleList& AllRules();

struct Verdict {
  bool allowed = false;
  std::string reason;  ///< why not
};
Verdict Judge(const RuleList& rules, const Question& question);

}  // namespace bulkhead::broker
