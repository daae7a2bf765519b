// SPDX-License-Identifier: GPL-2.0-or-later
#include "device-broker/rules.h"

#include <algorithm>

#include "vmspec/base/sanitize.h"

namespace bulkhead::broker {

namespace {

using vmspec::DeviceRule;
using vmspec::GlobMatches;
using vmspec::GrantMode;

Judgement Deny(std::string reason) { return {Opinion::kDeny, std::move(reason)}; }

/// "levels/low.toml:9"; the level's file where it says nothing about storage.
std::string Source(const Question& q) {
  const auto* storage = q.Storage();
  if (storage == nullptr || storage->origin.line == 0) return "levels/" + q.level + ".toml";
  return storage->origin.ToString();
}

bool SpeaksOf(const DeviceRule& rule, const Question& q) {
  return (rule.level == "*" || rule.level == q.level) &&
         (rule.device_class == "*" || rule.device_class == q.medium.device_class);
}

/// By whatever name: denying a partition, or a link that udev made, denies the disk.
bool NamesAny(const DeviceRule& rule, const Medium& medium) {
  if (rule.path.empty() || GlobMatches(rule.path, medium.identity.path, true)) return true;
  return std::ranges::any_of(medium.names,
                             [&](const auto& name) { return GlobMatches(rule.path, name, true); });
}

/// By its node only: what links are called can come from the medium itself (its label).
bool NamesNode(const DeviceRule& rule, const Medium& medium) {
  return rule.path.empty() || GlobMatches(rule.path, medium.identity.path, false);
}

bool HasSerial(const DeviceRule& rule, const Medium& medium) {
  return rule.serial.empty() || rule.serial == medium.serial;
}

std::string Spell(const DeviceRule& rule, const Question& q) {
  std::string text = rule.origin.ToString() + " denies " + q.medium.id + " to " + q.level;
  return rule.comment.empty() ? text : text + " (" + rule.comment + ")";
}

}  // namespace

Judgement LevelIsInTheSpec::Judge(const Question& q) const {
  if (q.Storage() != nullptr) return {};
  return Deny("the applied spec has no level \"" + Printable(q.level, 64) + "\"");
}

Judgement ClassIsKnown::Judge(const Question& q) const {
  if (q.medium.device_class == "storage") return {};
  return Deny(q.medium.id + " is of a class that no rule speaks of");
}

Judgement ModeNoneGetsNothing::Judge(const Question& q) const {
  const auto* storage = q.Storage();
  if (storage == nullptr || storage->mode != GrantMode::kNone) return {};
  return Deny(Source(q) + ": level " + q.level +
              " gets no storage devices (set storage under [devices] to \"manual\")");
}

Judgement WriteNeedsTheSpec::Judge(const Question& q) const {
  const auto* storage = q.Storage();
  if (!q.write || storage == nullptr || storage->write) return {};
  return Deny(Source(q) + ": level " + q.level + " gets storage devices for reading only");
}

Judgement DenyRuleHolds::Judge(const Question& q) const {
  for (const DeviceRule& rule : q.policy.rules) {
    if (rule.deny && SpeaksOf(rule, q) && NamesAny(rule, q.medium) && HasSerial(rule, q.medium)) {
      return Deny(Spell(rule, q));
    }
  }
  return {};
}

Judgement AllowRulesNarrow::Judge(const Question& q) const {
  const DeviceRule* spoke = nullptr;
  for (const DeviceRule& rule : q.policy.rules) {
    if (rule.deny || !SpeaksOf(rule, q)) continue;
    if (NamesNode(rule, q.medium) && HasSerial(rule, q.medium)) return {};
    if (spoke == nullptr) spoke = &rule;
  }
  if (spoke == nullptr) return {};
  return Deny(spoke->origin.ToString() + " names what level " + q.level +
              " may get, and no allow " + "matches " + q.medium.id);
}

Judgement ModeAllowsLending::Judge(const Question& q) const {
  const auto* storage = q.Storage();
  bool lends = storage != nullptr && storage->mode != GrantMode::kNone;
  return lends ? Judgement{Opinion::kAllow, {}} : Judgement{};
}

const RuleList& AllRules() {
  static const RuleList rules = [] {
    RuleList list;
    list.push_back(std::make_unique<LevelIsInTheSpec>());
    list.push_back(std::make_unique<ClassIsKnown>());
    list.push_back(std::make_unique<ModeNoneGetsNothing>());
    list.push_back(std::make_unique<WriteNeedsTheSpec>());
    list.push_back(std::make_unique<DenyRuleHolds>());
    list.push_back(std::make_unique<AllowRulesNarrow>());
    list.push_back(std::make_unique<ModeAllowsLending>());
    return list;
  }();
  return rules;
}

Verdict Judge(const RuleList& rules, const Question& question) {
  bool allowed = false;
  for (const auto& rule : rules) {
    Judgement judgement = rule->Judge(question);
    if (judgement.opinion == Opinion::kDeny) return {false, std::move(judgement.reason)};
    allowed = allowed || judgement.opinion == Opinion::kAllow;
  }
  if (allowed) return {true, {}};
  return {false, "no rule gives " + question.medium.id + " to level " + question.level};
}

}  // namespace bulkhead::broker
