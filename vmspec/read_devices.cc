// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/base/sanitize.h"
#include "vmspec/codes.h"
#include "vmspec/draft.h"

namespace bulkhead::vmspec {

namespace {

constexpr std::size_t kMaxRules = 4096;
constexpr std::size_t kMaxPathBytes = 256;
constexpr std::size_t kMaxSerialBytes = 128;
constexpr std::size_t kMaxCommentBytes = 256;
const std::string kActions[] = {"allow", "deny"};
const std::string kClasses[] = {"storage", "*"};

std::string ReadRuleLevel(const Field& field, const Draft& draft, Faults& faults) {
  const auto* text = field ? field.node->As<std::string>() : nullptr;
  if (text != nullptr && *text == "*") return *text;
  return ReadReference(field, "level", draft.level_names, codes::kUnknownLevel, faults)
      .value_or("");
}

/// A glob that could never match a device node would be a deny that denies nothing.
bool IsDeviceGlob(std::string_view path) {
  return path.starts_with("/dev/") && path.size() > 5 && path.find("/../") == path.npos &&
         path.find("//") == path.npos && path.find("/./") == path.npos && path.back() != '/' &&
         !path.ends_with("/..") && !path.ends_with("/.");
}

std::string ReadPath(const Field& field, Faults& faults) {
  auto path = ReadText(field, kMaxPathBytes, faults);
  if (!path || IsDeviceGlob(*path)) return path.value_or("");
  faults.Error(codes::kBadPath, Quoted(*path) + " matches no device node", field.node->origin, {},
               "a path is absolute and plain, and begins with /dev/: \"/dev/loop*\"");
  return "";
}

void ReadRule(const Node& node, Draft& draft, Faults& faults) {
  TableReader table(node, "rule", faults);
  DeviceRule rule;
  rule.origin = node.origin;
  rule.deny = ReadWord(table.Required("action"), kActions, faults).value_or(1) == 1;
  rule.level = ReadRuleLevel(table.Required("level"), draft, faults);
  auto device_class = ReadWord(table.Required("class"), kClasses, faults);
  rule.device_class = kClasses[device_class.value_or(1)];
  rule.path = ReadPath(table.Optional("path"), faults);
  rule.serial = ReadText(table.Optional("serial"), kMaxSerialBytes, faults).value_or("");
  rule.comment = ReadText(table.Optional("comment"), kMaxCommentBytes, faults).value_or("");
  table.Finish();
  draft.spec.device_rules.push_back(std::move(rule));
}

}  // namespace

void ReadDevices(const Node& document, Draft& draft, Faults& faults) {
  TableReader table(document, "devices.toml", faults);
  if (!ReadSchema(table, faults)) return;
  Field field = table.Optional("rule");
  const Array* rules = field ? field.node->As<Array>() : nullptr;
  if (field && rules == nullptr) {
    faults.Error(codes::kWrongType, "write each \"rule\" under a line [[rule]]",
                 field.node->origin);
  } else if (rules != nullptr && rules->size() > kMaxRules) {
    faults.Error(codes::kTooMany, "a spec set has at most 4,096 device rules", field.node->origin);
  } else if (rules != nullptr) {
    for (const Node& node : *rules) ReadRule(node, draft, faults);
  }
  table.Finish();
}

}  // namespace bulkhead::vmspec
