// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/level/instance_keeper.h"

#include <algorithm>

namespace bulkhead::hostd {

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
