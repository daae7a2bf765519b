// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/codes.h"
#include "vmspec/draft.h"

namespace bulkhead::vmspec {

namespace {

/// A rule that is half understood denies, or lends, what nobody meant.
void NoteRuleAtFault(Draft& draft, Faults& faults) {
  draft.any_device_rule_at_fault = true;
  faults.NoteOnLast(kDevicesUnchecked);
}

void ReadRule(const Node& node, TableReader& file, Draft& draft) {
  std::size_t errors = file.faults().errors();
  TableReader table = file.Below("rule", node);
  DeviceRule rule;
  rule.origin = node.origin;
  rule.deny = table.Word("action").value_or(1) == 1;
  table.Read("level", rule.level);
  rule.device_class = "*";
  table.Read("class", rule.device_class);
  table.Read("path", rule.path);
  table.Read("serial", rule.serial);
  table.Read("usb-id", rule.usb_id);
  table.Read("comment", rule.comment);
  table.Finish();
  if (file.faults().errors() > errors) NoteRuleAtFault(draft, file.faults());
  draft.spec.device_rules.push_back(std::move(rule));
}

void ReadDevice(const Member& member, TableReader& file, Draft& draft) {
  KnownDevice device;
  device.name = member.key;
  device.origin = member.value.origin;
  std::size_t errors = file.faults().errors();
  TableReader table = file.Below("device", member.value);
  table.Read("class", device.classes);
  table.Read("serial", device.serial);
  table.Read("path", device.path);
  table.Read("usb-id", device.usb_id);
  table.Read("keeps-data", device.keeps_data);
  device.label = table.GetLabel("label");
  if (!table.Has("serial") && !table.Has("path") && !table.Has("usb-id")) {
    table.faults().Error(codes::kRequiresKey,
                         "nothing tells the device " + Quoted(device.name) + " from another",
                         device.origin, {}, "say its \"serial\", \"path\" or \"usb-id\"");
  }
  table.Finish();
  // Each of its keys decides who may have it and what it keeps: half of them would make the check
  // of information flow lie.
  if (file.faults().errors() > errors) {
    draft.devices_at_fault.insert(device.name);
    file.faults().NoteOnLast(kFlowUnchecked);
  }
  draft.spec.devices.emplace(device.name, std::move(device));
}

void ReadKey(const Member& member, TableReader& file, Draft& draft) {
  Key key;
  key.name = member.key;
  key.origin = member.value.origin;
  TableReader table = file.Below("key", member.value);
  table.Read("token", key.token);
  // A token's label is padded with blanks to 32 bytes: "t " is the token "t".
  key.token.erase(key.token.find_last_not_of(' ') + 1);
  table.Read("object", key.object);
  table.Read("id", key.id);
  table.Finish();
  draft.spec.keys.emplace(key.name, std::move(key));
}

}  // namespace

void ReadDevices(const Node& document, Draft& draft, Faults& faults) {
  TableReader file(document, kDevicesSchema, "devices.toml", draft.scope, faults);
  for (const Node* node : file.Tables("rule")) ReadRule(*node, file, draft);
  for (const Member* member : file.NamedTables("device")) ReadDevice(*member, file, draft);
  for (const Member* member : file.NamedTables("key")) ReadKey(*member, file, draft);
  std::size_t errors = faults.errors();
  file.Finish();
  if (faults.errors() > errors) NoteRuleAtFault(draft, faults);  // [[rules]]
}

}  // namespace bulkhead::vmspec
