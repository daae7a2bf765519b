// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/roles/access.h"

#include <algorithm>
#include <array>
#include <vector>

namespace bulkhead::hostd {

namespace {

enum class Need : std::uint8_t {
  kAnyRole,
  kAdmin,
  kAdminOrAudit,
  kStart,    ///< a role of the level's start list
  kStop,     ///< of its stop list
  kRestart,  ///< of both
  kRun,      ///< as kStart; as root of the level: and admin
  kConsole,  ///< as kStart, and admin: a console asks nobody who he is
};

struct Rule {
  std::string_view method;
  Need need;
  std::string_view action;  ///< as the audit log names it
};

constexpr std::array kRules = std::to_array<Rule>({
    {"CheckSpec", Need::kAnyRole, "spec.check"},
    {"ApplySpec", Need::kAdmin, "spec.apply"},
    {"Rollback", Need::kAdmin, "spec.rollback"},
    {"GetSpec", Need::kAnyRole, "spec.read"},
    {"ListSpecHistory", Need::kAnyRole, "spec.read"},
    {"GetSpecVersion", Need::kAnyRole, "spec.read"},
    {"ApproveDowngrades", Need::kAnyRole, "downgrade.approve"},
    {"ListApprovals", Need::kAnyRole, "downgrade.read"},
    {"ListLevels", Need::kAnyRole, "level.read"},
    {"GetLevel", Need::kAnyRole, "level.read"},
    {"Start", Need::kStart, "level.start"},
    {"Stop", Need::kStop, "level.stop"},
    {"Restart", Need::kRestart, "level.restart"},
    {"OpenConsole", Need::kConsole, "level.console"},
    {"Run", Need::kRun, "level.run"},
    {"ListDevices", Need::kAnyRole, "device.read"},
    {"LendDevice", Need::kStart, "device.lend"},
    // Whose level has it is known only when it is taken: DeviceDesk asks MayLend then.
    {"TakeBackDevice", Need::kAnyRole, "device.take-back"},
    {"ListFlows", Need::kAnyRole, "flow.read"},
    {"NetStatus", Need::kAnyRole, "net.read"},
    {"AuditTail", Need::kAdminOrAudit, "audit.read"},
    {"AuditVerify", Need::kAdminOrAudit, "audit.read"},
    {"Services", Need::kAnyRole, "services.read"},
});

const Rule* RuleFor(std::string_view method) {
  auto rule = std::ranges::find(kRules, method, &Rule::method);
  return rule == kRules.end() ? nullptr : &*rule;
}

bool HasOne(const Caller& caller, const std::vector<std::string>& roles) {
  return std::ranges::any_of(roles, [&](const auto& role) { return caller.roles.contains(role); });
}

std::string OneOf(const std::vector<std::string>& roles) {
  if (roles.empty()) return "a role, of which none is named";
  std::string all;
  for (const auto& role : roles) all += (all.empty() ? "" : " or ") + role;
  return "the role " + all;
}

std::unexpected<Error> Refuse(const Caller& caller, const std::string& what,
                              const std::vector<std::string>& roles) {
  return Fail(ErrorCode::kRefused, what + " takes " + OneOf(roles) + "; " + caller.actor + " has " +
                                       SayRoles(caller.roles));
}

Status Want(const Caller& caller, const std::string& what, const std::vector<std::string>& roles) {
  if (HasOne(caller, roles)) return {};
  return Refuse(caller, what, roles);
}

Status JudgeLevel(const vmspec::Level& level, const Caller& caller, Need need, bool guest_root) {
  const vmspec::LevelRoles& roles = level.roles;
  if (need != Need::kStop) {
    const char* doing = need == Need::kRun || need == Need::kConsole ? "use" : "start";
    std::string what = std::string("to ") + doing + " level " + level.name;
    if (Status s = Want(caller, what, roles.start); !s) return s;
  }
  if (need == Need::kStop || need == Need::kRestart) {
    return Want(caller, "to stop level " + level.name, roles.stop);
  }
  if (need == Need::kConsole || (need == Need::kRun && guest_root)) {
    return Want(caller, "to be root in level " + level.name, {"admin"});
  }
  return {};
}

}  // namespace

std::string SayRoles(const std::set<std::string>& roles) {
  if (roles.empty()) return "no role";
  std::string all;
  for (const auto& role : roles) all += (all.empty() ? "" : ", ") + role;
  return (roles.size() == 1 ? "the role " : "the roles ") + all;
}

std::string_view ActionOf(std::string_view method) {
  const Rule* rule = RuleFor(method);
  return rule == nullptr ? "call" : rule->action;
}

Status MayLend(const vmspec::SpecSet& spec, const Caller& caller, const std::string& level) {
  auto known = spec.levels.find(level);
  // Whoever had it is not in the set any more: that is for an administrator.
  if (known == spec.levels.end()) return Want(caller, "to take a device from a level", {"admin"});
  return Want(caller, "to lend devices to level " + level, known->second.roles.start);
}

Status MayCall(const vmspec::SpecSet& spec, const Caller& caller, const Ask& ask) {
  const Rule* rule = RuleFor(ask.method);
  if (rule == nullptr) return Fail(ErrorCode::kRefused, "nobody may call " + ask.method);
  if (caller.roles.empty()) {
    return Fail(ErrorCode::kRefused, caller.actor +
                                         " has no role on this machine: an administrator puts it "
                                         "into the group bulkhead-user, bulkhead-admin or "
                                         "bulkhead-audit");
  }
  switch (rule->need) {
    case Need::kAnyRole:
      return {};
    case Need::kAdmin:
      return Want(caller, "to change the spec set", {"admin"});
    case Need::kAdminOrAudit:
      return Want(caller, "to read the audit log", {"admin", "audit"});
    default:
      break;
  }
  auto level = spec.levels.find(ask.level);
  if (level == spec.levels.end()) return {};
  return JudgeLevel(level->second, caller, rule->need, ask.guest_root);
}

}  // namespace bulkhead::hostd
