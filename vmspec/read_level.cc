// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/codes.h"
#include "vmspec/draft.h"
#include "vmspec/scalars.h"

namespace bulkhead::vmspec {

namespace {

constexpr std::uint64_t kMiB = 1ULL << 20;
constexpr Range kVcpus{1, 64};
constexpr Range kMemory{128 * kMiB, 1'048'576 * kMiB};
constexpr Range kCpuQuota{10, 100};
constexpr Range kStateSize{16 * kMiB, 1'048'576 * kMiB};
constexpr std::size_t kMaxTitleBytes = 64;
const std::string kStateKinds[] = {"persistent", "ephemeral"};
const std::string kGrantModes[] = {"none", "manual", "automatic"};

void ReadIdentity(TableReader& table, Level& level, Draft& draft, Faults& faults) {
  if (auto title = ReadText(table.Optional("title"), kMaxTitleBytes, faults)) level.title = *title;
  if (auto label = ReadLabel(table.Required("label"), faults)) {
    level.label = *label;
    draft.levels_without_label.erase(level.name);
  }
  Field colour = table.Optional("colour");
  if (auto text = ReadString(colour, faults)) {
    level.colour = *text;
    if (!IsColour(*text)) {
      faults.Error(codes::kBadColour, Quoted(*text) + " is no colour", colour.node->origin, {},
                   "a colour is \"#\" and six hexadecimal digits: \"#2a7de1\"");
    }
  }
  if (auto image = ReadName(table.Required("image"), faults)) level.image = *image;
  if (auto autostart = ReadBool(table.Optional("autostart"), faults)) level.autostart = *autostart;
}

void ReadResources(const Field& field, Level& level, Faults& faults) {
  if (!field) return;
  TableReader table(*field.node, field.name, faults);
  if (auto vcpus = ReadInteger(table.Optional("vcpus"), kVcpus, faults)) level.vcpus = *vcpus;
  if (auto memory = ReadSize(table.Optional("memory"), kMemory, kMiB, faults)) {
    level.memory_mib = static_cast<std::uint32_t>(*memory / kMiB);
  }
  if (auto quota = ReadInteger(table.Optional("cpu-quota"), kCpuQuota, faults)) {
    level.cpu_quota_percent = *quota;
  }
  table.Finish();
}

void ReadState(const Field& field, Level& level, Faults& faults) {
  if (!field) return;
  TableReader table(*field.node, field.name, faults);
  if (auto kind = ReadWord(table.Optional("kind"), kStateKinds, faults)) {
    level.persistent = *kind == 0;
  }
  if (auto size = ReadSize(table.Optional("size"), kStateSize, kMiB, faults)) {
    level.state_mib = static_cast<std::uint32_t>(*size / kMiB);
  }
  table.Finish();
}

/// "manual", or { mode = "manual", write = true }
DevicePolicy ReadStorage(const Field& field, Faults& faults) {
  DevicePolicy policy;
  if (!field) return policy;
  policy.origin = field.node->origin;
  auto mode_of = [&](const Field& mode) {
    auto word = ReadWord(mode, kGrantModes, faults);
    return word ? static_cast<GrantMode>(*word) : GrantMode::kNone;
  };
  if (field.node->As<std::string>() != nullptr) {
    policy.mode = mode_of(field);
    return policy;
  }
  TableReader table(*field.node, field.name, faults);
  policy.mode = mode_of(table.Required("mode"));
  policy.write = ReadBool(table.Optional("write"), faults).value_or(false);
  table.Finish();
  return policy;
}

void ReadLevelDevices(const Field& field, Level& level, Faults& faults) {
  if (!field) return;
  TableReader table(*field.node, field.name, faults);
  level.Device(DeviceClass::kStorage) = ReadStorage(table.Optional("storage"), faults);
  table.Finish();
}

}  // namespace

void ReadLevel(const std::string& name, const Node& document, Draft& draft, Faults& faults) {
  TableReader table(document, name, faults);
  if (!ReadSchema(table, faults)) return;
  Level level;
  level.name = level.title = name;
  level.origin = document.origin;
  ReadIdentity(table, level, draft, faults);
  ReadResources(table.Optional("resources"), level, faults);
  ReadState(table.Optional("state"), level, faults);
  level.network = ReadLevelNetwork(table.Optional("network"), draft, faults);
  ReadLevelDevices(table.Optional("devices"), level, faults);
  table.Finish();
  draft.spec.levels.emplace(name, std::move(level));
}

}  // namespace bulkhead::vmspec
