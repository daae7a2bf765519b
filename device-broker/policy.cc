// SPDX-License-Identifier: GPL-2.0-or-later
#include "device-broker/policy.h"

#include "vmspec/base/message_codec.h"
#include "vmspec/base/sanitize.h"

namespace bulkhead::broker {

namespace {

using vmspec::DevicePolicy;
using vmspec::DeviceRule;
using vmspec::GrantMode;
using vmspec::Origin;

/// A level as it travels: maps have no place on the wire.
struct NamedStorage {
  std::string level;
  DevicePolicy storage;
};
struct PolicyMessage {
  std::vector<NamedStorage> levels;
  std::vector<DeviceRule> rules;
};

template <typename O, typename V>
void OriginFields(O& o, V& v) {
  v.Str(o.file, 256), v.Num(o.line), v.Num(o.column), v.Num(o.length);
}

template <typename L, typename V>
void LevelFields(L& l, V& v) {
  v.Str(l.level, 31);
  auto mode = static_cast<std::uint8_t>(l.storage.mode);
  v.Num(mode);
  if constexpr (!std::is_const_v<L>) l.storage.mode = static_cast<GrantMode>(mode);
  v.Flag(l.storage.write), OriginFields(l.storage.origin, v);
}

template <typename R, typename V>
void RuleFields(R& r, V& v) {
  v.Flag(r.deny), v.Str(r.level, 31), v.Str(r.device_class, 31), v.Str(r.path, 256);
  v.Str(r.serial, 128), v.Str(r.comment, 256), OriginFields(r.origin, v);
}

constexpr std::size_t kOriginBytes = 16;

template <typename P, typename V>
void PolicyFields(P& p, V& v) {
  v.List(p.levels, kMaxPolicyLevels, 6 + kOriginBytes, [&](auto& l) { LevelFields(l, v); });
  v.List(p.rules, kMaxDeviceRules, 21 + kOriginBytes, [&](auto& r) { RuleFields(r, v); });
}

bool IsPlain(const std::string& text, std::size_t max) {
  return text.size() <= max && IsPrintable(text);
}

Status CheckStorage(const std::string& level, const DevicePolicy& storage) {
  if (!IsLevelName(level)) {
    return Fail(ErrorCode::kInvalid, "\"" + Printable(level, 64) + "\" is no level's name");
  }
  if (storage.mode > GrantMode::kRequired || !IsPlain(storage.origin.file, 256)) {
    return Fail(ErrorCode::kInvalid, "level " + level + ": the storage policy is none");
  }
  return {};
}

Status CheckRule(const Policy& policy, const DeviceRule& rule) {
  if (!IsPlain(rule.origin.file, 256)) return Fail(ErrorCode::kInvalid, "a rule is from nowhere");
  auto wrong = [&](const char* what) {
    return Fail(ErrorCode::kInvalid, "rule " + rule.origin.ToString() + ": " + what);
  };
  if (rule.level != "*" && !policy.levels.contains(rule.level)) return wrong("unknown level");
  if (rule.device_class != "*" && rule.device_class != "storage") return wrong("unknown class");
  if (!rule.path.empty() && !rule.path.starts_with("/dev/")) return wrong("no path of a device");
  if (!IsPlain(rule.path, 256) || !IsPlain(rule.serial, 128) || !IsPlain(rule.comment, 256)) {
    return wrong("a text is too long or not printable");
  }
  return {};
}

}  // namespace

bool IsLevelName(const std::string& name) {
  if (name.empty() || name.size() > 31 || name[0] < 'a' || name[0] > 'z') return false;
  return name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string::npos;
}

Policy PolicyOf(const vmspec::SpecSet& spec) {
  Policy policy;
  for (const auto& [name, level] : spec.levels)
    policy.levels[name] = level.Device(vmspec::DeviceClass::kStorage);
  policy.rules = spec.device_rules;
  return policy;
}

Status CheckPolicy(const Policy& policy) {
  if (policy.levels.size() > kMaxPolicyLevels || policy.rules.size() > kMaxDeviceRules) {
    return Fail(ErrorCode::kLimit, "the policy has too many levels or device rules");
  }
  for (const auto& [level, storage] : policy.levels) {
    if (Status ok = CheckStorage(level, storage); !ok) return ok;
  }
  for (const DeviceRule& rule : policy.rules) {
    if (Status ok = CheckRule(policy, rule); !ok) return ok;
  }
  return {};
}

Bytes EncodePolicy(const Policy& policy) {
  PolicyMessage message;
  for (const auto& [level, storage] : policy.levels) message.levels.push_back({level, storage});
  message.rules = policy.rules;
  FieldWriter w;
  PolicyFields(std::as_const(message), w);
  return w.Take();
}

Result<Policy> DecodePolicy(ByteView in) {
  PolicyMessage message;
  FieldReader reader(in);
  PolicyFields(message, reader);
  if (!reader.Done()) return Fail(ErrorCode::kCorrupt, "the bytes are no device policy");
  Policy policy;
  for (NamedStorage& level : message.levels) {
    // Ascending, so that no level is said twice and a policy has one encoding.
    if (!policy.levels.empty() && policy.levels.rbegin()->first >= level.level) {
      return Fail(ErrorCode::kCorrupt, "the levels of a device policy are not in order");
    }
    policy.levels.emplace(std::move(level.level), std::move(level.storage));
  }
  policy.rules = std::move(message.rules);
  if (Status ok = CheckPolicy(policy); !ok) return Propagate(ok);
  return policy;
}

}  // namespace bulkhead::broker
