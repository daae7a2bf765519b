// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/level/instance_keeper.h"

#include <algorithm>

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

std::set<std::string> EndsOfChanges(const AppliedSpec& before, const AppliedSpec& after,
                                    const std::set<std::string>& live) {
  std::vector<ServiceInstance> was = DesiredInstances(before, live);
  std::vector<ServiceInstance> is = DesiredInstances(after, live);
  std::set<std::string> ends;
  auto add = [&](const std::vector<ServiceInstance>& some,
                 const std::vector<ServiceInstance>& others) {
    for (const ServiceInstance& i : some) {
      if (std::ranges::find(others, i) != others.end()) continue;
      for (const std::string& level : {i.level, i.peer_level}) {
        if (live.contains(level)) ends.insert(level);
      }
    }
  };
  add(was, is);
  add(is, was);
  return ends;
}

Status InstanceKeeper::Tell(const AppliedSpecPtr& applied, std::set<std::string> live) {
  const AppliedSpec& set = newest_ ? *newest_ : *applied;
  if (Status told = control_->SetInstances(DesiredInstances(set, live)); !told) return told;
  live_ = std::move(live);
  return {};
}

Status InstanceKeeper::Activate(const AppliedSpecPtr& applied, const std::string& level) {
  std::lock_guard lock(mutex_);
  std::set<std::string> live = live_;
  live.insert(level);
  return Tell(applied, std::move(live));
}

Status InstanceKeeper::Deactivate(const AppliedSpecPtr& applied, const std::string& level) {
  std::lock_guard lock(mutex_);
  std::set<std::string> live = live_;
  live.erase(level);
  return Tell(applied, std::move(live));
}

void InstanceKeeper::Adopt(std::set<std::string> live) {
  std::lock_guard lock(mutex_);
  live_ = std::move(live);
}

Status InstanceKeeper::Refresh(const AppliedSpecPtr& applied) {
  std::lock_guard lock(mutex_);
  newest_ = applied;
  return Tell(applied, live_);
}

}  // namespace bulkhead::hostd
