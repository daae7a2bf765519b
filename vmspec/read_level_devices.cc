// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/draft.h"

namespace bulkhead::vmspec {

namespace {

/// "manual", or { mode = "manual", write = true }
void ReadClass(TableReader& devices, DeviceClass device_class, DevicePolicy& policy) {
  std::string_view key = NameOf(device_class);
  const Node* node = devices.Find(key);
  if (node == nullptr) return;
  policy.origin = node->origin;
  if (node->As<Table>() == nullptr) {
    devices.Read(key, policy.mode);
    return;
  }
  TableReader table = devices.Below(key, *node);
  table.Read("mode", policy.mode);
  auto read = [&](std::string_view option, auto& target, auto... unit) {
    if (FindKey(table.schema(), option) != nullptr) table.Read(option, target, unit...);
  };
  read("write", policy.write);
  read("marked-only", policy.marked_only);
  read("time-limit", policy.time_limit_s);
  read("max-pages", policy.max_pages);
  read("banner", policy.banner);
  read("relying-parties", policy.relying_parties);
  read("ids", policy.usb_ids);
  table.Finish();
}

}  // namespace

void ReadLevelDevices(TableReader& table, Level& level) {
  for (std::size_t i = 0; i < kDeviceClassNames.size(); ++i) {
    ReadClass(table, static_cast<DeviceClass>(i), level.devices[i]);
  }
  table.Finish();
}

}  // namespace bulkhead::vmspec
