// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/lower/lower.h"

#include "hostd/libvirt/domain_xml.h"
#include "netpolicy/ruleset_compiler.h"
#include "netpolicy/ruleset_text.h"
#include "vmspec/base/identity.h"
#include "vmspec/base/sanitize.h"

namespace bulkhead::hostd {

namespace {

/// 1, 2, 3 ... in order of the names, as IndexBook does.
template <typename Map>
Result<IndexBook::Numbers> Count(const Map& map, std::uint32_t most, const std::string& what) {
  if (map.size() > most) {
    return Fail(ErrorCode::kLimit, "the set has more than " + std::to_string(most) + " " + what);
  }
  IndexBook::Numbers numbers;
  std::uint32_t last = 0;
  for (const auto& [name, value] : map) numbers[name] = ++last;
  return numbers;
}

Result<std::string> DomainOf(const Paths& paths, const AppliedSpec& applied,
                             const std::string& level, const StartFacts& facts) {
  const vmspec::Level* of = applied.FindLevel(level);
  if (of == nullptr)
    return Fail(ErrorCode::kNotFound, "the spec set has no level " + Printable(level, 64));
  auto domain = BuildDomainXml(LowerDomain(paths, applied, *of, facts));
  if (!domain) return Propagate(domain, "level " + Printable(level, 64));
  return domain;
}

Result<std::string> RulesetOf(const AppliedSpec& applied, const std::string& level,
                              std::int64_t now_unix_s) {
  auto policy = netpolicy::CompileLevel(applied.spec, level, applied.levels.at(level), now_unix_s);
  if (!policy) return Propagate(policy);
  if (!*policy) return std::string();
  return netpolicy::RulesetText(netpolicy::CompileRuleset({**policy}));
}

}  // namespace

Result<AppliedSpec> NumberAnew(vmspec::SpecSet spec) {
  AppliedSpec applied;
  auto levels = Count(spec.levels, kMaxLevelIndex, "levels");
  if (!levels) return Propagate(levels);
  auto flows = Count(spec.flows, kMaxFlowIndex, "flows");
  if (!flows) return Propagate(flows);
  applied.levels = std::move(*levels);
  applied.flows = std::move(*flows);
  applied.spec = std::move(spec);
  return applied;
}

StartFacts FactsOfNoStart(const Paths& paths, const vmspec::SpecSet& spec,
                          const vmspec::Level& level) {
  StartFacts facts;
  facts.accel = spec.host.accel == vmspec::Accel::kTcg ? Acceleration::kTcg : Acceleration::kKvm;
  facts.kernel = paths.LevelDir(level.name) + "/boot/vmlinuz";
  facts.initrd = paths.LevelDir(level.name) + "/boot/initrd.img";
  return facts;
}

Status CanLower(const Paths& paths, const AppliedSpec& applied, const std::string& level,
                const StartFacts& facts, std::int64_t now_unix_s) {
  auto domain = DomainOf(paths, applied, level, facts);
  if (!domain) return Propagate(domain);
  auto policy = netpolicy::CompileLevel(applied.spec, level, applied.levels.at(level), now_unix_s);
  if (!policy) return Propagate(policy);
  return {};
}

Result<Lowered> Lower(const Paths& paths, const AppliedSpec& applied, const std::string& level,
                      const StartFacts& facts, std::int64_t now_unix_s) {
  auto domain = DomainOf(paths, applied, level, facts);
  if (!domain) return Propagate(domain);
  auto ruleset = RulesetOf(applied, level, now_unix_s);
  if (!ruleset) return Propagate(ruleset);
  return Lowered{.level = level,
                 .index = applied.levels.at(level),
                 .domain = std::move(*domain),
                 .ruleset = std::move(*ruleset),
                 .routes = RoutesOf(paths, applied, level),
                 .device_rules = DeviceRulesOf(applied.spec, level),
                 .grants = GrantsOf(applied.spec, level)};
}

}  // namespace bulkhead::hostd
