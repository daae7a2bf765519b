// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/lower/lower_instances.h"

#include "vmspec/base/identity.h"

namespace bulkhead::hostd {

namespace {

using Kind = ServiceInstance::Kind;

ServiceInstance Half(const AppliedSpec& applied, const vmspec::Flow& flow, Kind kind) {
  ServiceInstance half{.kind = kind, .name = flow.name, .level = {}, .peer_level = {}};
  half.index = applied.flows.at(flow.name);
  bool send = kind == Kind::kDiodeSend;
  half.level = send ? flow.from : flow.to;
  half.peer_level = send ? flow.to : flow.from;
  half.level_index = applied.levels.at(half.level);
  half.max_file_bytes = flow.max_file_bytes;
  half.quota_bytes = flow.quota_bytes;
  half.max_files = flow.max_files;
  return half;
}

/// What superd and the half make of the instance: the same names, from the same tables.
DiodeHalf Describe(const Paths& paths, const ServiceInstance& half) {
  bool send = half.kind == Kind::kDiodeSend;
  std::string port = (send ? "out." : "in.") + half.name;
  return {.unit = (send ? "diode-send@" : "diode-receive@") + half.name,
          .uid = send ? DiodeSendUid(half.index) : DiodeReceiveUid(half.index),
          .level = half.level,
          .port = "org.bulkhead." + port,
          .socket = paths.ChannelSocket(half.level, port),
          .spool = paths.FlowSpool(half.name, send ? "send" : "receive")};
}

}  // namespace

std::vector<ServiceInstance> DesiredInstances(const AppliedSpec& applied,
                                              const std::set<std::string>& live) {
  std::vector<ServiceInstance> all;
  for (const std::string& level : live) {
    auto index = applied.levels.find(level);
    if (index == applied.levels.end()) continue;
    all.push_back({.kind = Kind::kAgentd,
                   .name = level,
                   .index = index->second,
                   .level = level,
                   .level_index = index->second,
                   .peer_level = {}});
  }
  for (const auto& [name, flow] : applied.spec.flows) {
    if (!live.contains(flow.from) && !live.contains(flow.to)) continue;
    all.push_back(Half(applied, flow, Kind::kDiodeSend));
    all.push_back(Half(applied, flow, Kind::kDiodeReceive));
  }
  return all;
}

std::vector<DiodeRoute> RoutesOf(const Paths& paths, const AppliedSpec& applied,
                                 const std::string& level) {
  std::vector<DiodeRoute> routes;
  for (const auto& [name, flow] : applied.spec.flows) {
    if (flow.from != level && flow.to != level) continue;
    routes.push_back({.flow = flow,
                      .send = Describe(paths, Half(applied, flow, Kind::kDiodeSend)),
                      .pipe = paths.FlowPipe(name),
                      .receive = Describe(paths, Half(applied, flow, Kind::kDiodeReceive))});
  }
  return routes;
}

}  // namespace bulkhead::hostd
