// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/codes.h"
#include "vmspec/draft.h"
#include "vmspec/named_tables.h"
#include "vmspec/scalars.h"

namespace bulkhead::vmspec {

namespace {

/// In the order of enum UplinkKind.
const std::string kUplinkKinds[] = {"routed", "nat"};

std::string ReadInterface(const Field& field, Faults& faults) {
  auto name = ReadString(field, faults);
  if (!name || IsUplinkInterface(*name)) return name.value_or("");
  faults.Error(
      codes::kBadInterface, Quoted(*name) + " cannot be an uplink's interface", field.node->origin,
      {},
      "an interface is 1 to 15 of letters, digits, \".\", \"_\" and \"-\"; not \"lo\", and "
      "not \"bh-...\", which are the levels' own");
  return "";
}

void ReadUplink(const Member& member, Draft& draft, Faults& faults) {
  Uplink uplink;
  uplink.name = member.key;
  uplink.origin = member.value.origin;
  draft.uplinks_without_label.insert(uplink.name);
  TableReader table(member.value, uplink.name, faults);
  auto kind = ReadWord(table.Required("kind"), kUplinkKinds, faults);
  uplink.kind = kind.value_or(0) == 0 ? UplinkKind::kRouted : UplinkKind::kNat;
  uplink.interface = ReadInterface(table.Required("interface"), faults);
  if (auto label = ReadLabel(table.Required("label"), faults)) {
    uplink.label = *label;
    draft.uplinks_without_label.erase(uplink.name);
  }
  table.Finish();
  draft.spec.uplinks.emplace(uplink.name, std::move(uplink));
}

}  // namespace

void ReadNetworks(const Node& document, Draft& draft, Faults& faults) {
  TableReader table(document, "networks.toml", faults);
  if (!ReadSchema(table, faults)) {
    draft.uplink_names.reset();
    return;
  }
  for (const Member* member : NamedTables(table.Optional("uplink"), faults)) {
    draft.uplink_names->insert(member->key);
    ReadUplink(*member, draft, faults);
  }
  table.Finish();
}

}  // namespace bulkhead::vmspec
