// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/codes.h"
#include "vmspec/draft.h"

namespace bulkhead::vmspec {

namespace {

void ReadIpsec(TableReader& uplink_table, Uplink& uplink) {
  const Node* node = uplink_table.Find("ipsec");
  bool tunnel = uplink.kind == UplinkKind::kIpsec;
  if (node == nullptr) {
    if (tunnel) {
      uplink_table.faults().Error(codes::kRequiresKey,
                                  "an uplink of kind \"ipsec\" needs a table \"ipsec\"",
                                  uplink_table.OriginOf("kind"), {},
                                  "say remote, local-id, remote-id and certificate in it");
    }
    return;
  }
  if (!tunnel) {
    uplink_table.faults().Error(codes::kDoesNotApply,
                                "\"ipsec\" belongs to an uplink of kind \"ipsec\"", node->origin);
  }
  TableReader table = uplink_table.Below("ipsec", *node);
  table.Read("remote", uplink.ipsec.remote);
  table.Read("local-id", uplink.ipsec.local_id);
  table.Read("remote-id", uplink.ipsec.remote_id);
  table.Read("certificate", uplink.ipsec.certificate);
  table.Finish();
}

void ReadUplink(const Member& member, TableReader& file, Draft& draft) {
  Uplink uplink;
  uplink.name = member.key;
  uplink.origin = member.value.origin;
  draft.uplinks_without_label.insert(uplink.name);
  TableReader table = file.Below("uplink", member.value);
  table.Read("kind", uplink.kind);
  table.Read("interface", uplink.interface);
  table.Read("vlan", uplink.vlan);
  if (auto label = table.GetLabel("label")) {
    uplink.label = *label;
    draft.uplinks_without_label.erase(uplink.name);
  } else if (table.Has("label")) {
    table.faults().NoteOnLast(kFlowUnchecked);
  }
  table.Read("routes-to", uplink.routes_to);
  uplink.routes_origin = table.OriginOf("routes-to");
  ReadIpsec(table, uplink);
  table.Finish();
  draft.spec.uplinks.emplace(uplink.name, std::move(uplink));
}

void ReadService(const Member& member, TableReader& file, Draft& draft) {
  Service service;
  service.name = member.key;
  service.origin = member.value.origin;
  TableReader table = file.Below("service", member.value);
  table.Read("from", service.from);
  table.Read("to", service.to);
  ReadProtocol(table, service.protocol, service.ports);
  table.Read("comment", service.comment);
  table.Finish();
  if (service.from.empty() || service.to.empty()) return;
  if (service.from == service.to) {
    file.faults().Error(codes::kFlowToItself,
                        "the service leads from " + Quoted(service.from) + " to itself",
                        service.origin);
    return;
  }
  draft.spec.services.emplace(service.name, std::move(service));
}

}  // namespace

void ReadProtocol(TableReader& table, Protocol& protocol, std::vector<PortRange>& ports) {
  table.Read("tcp", ports);
  table.Read("udp", ports);
  table.Read("protocol", protocol);
  int said = 0;
  for (const char* key : {"tcp", "udp", "protocol"}) said += table.Has(key) ? 1 : 0;
  if (said > 1) {
    table.faults().Error(codes::kExclusiveKeys,
                         "a rule has only one of \"tcp\", \"udp\" and \"protocol\"", table.origin(),
                         {}, "write one rule for each protocol");
  }
  if (table.Has("tcp")) protocol = Protocol::kTcp;
  if (table.Has("udp")) protocol = Protocol::kUdp;
}

void ReadNetworks(const Node& document, Draft& draft, Faults& faults) {
  TableReader file(document, kNetworksSchema, "networks.toml", draft.scope, faults);
  auto uplinks = file.NamedTables("uplink");
  for (const Member* member : uplinks) ReadUplink(*member, file, draft);
  for (const Member* member : file.NamedTables("service")) ReadService(*member, file, draft);
  file.Finish();
}

}  // namespace bulkhead::vmspec
