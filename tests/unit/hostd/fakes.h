// SPDX-License-Identifier: GPL-2.0-or-later
/// The daemons beside hostd as memory, for tests. Thread-safe as the ports promise.
#pragma once

#include <fcntl.h>

#include <algorithm>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "hostd/ports.h"

namespace bulkhead::hostd {

class FakeNetwork : public NetworkControl {
 public:
  Status Apply(const netpolicy::LevelPolicy& policy) override {
    std::lock_guard lock(mutex);
    if (!works) return Fail(ErrorCode::kUnavailable, "netd is away");
    if (on_apply) on_apply(policy.level);
    levels.insert(policy.level);
    policies[policy.level] = policy;
    return {};
  }
  Status Remove(const std::string& level) override {
    std::lock_guard lock(mutex);
    if (!works) return Fail(ErrorCode::kUnavailable, "netd is away");
    if (on_remove) on_remove(level);
    levels.erase(level);
    return {};
  }
  Status RetainOnly(const std::vector<std::string>& names) override {
    std::lock_guard lock(mutex);
    std::erase_if(levels,
                  [&](const auto& l) { return std::ranges::find(names, l) == names.end(); });
    return {};
  }
  Result<std::vector<netpolicy::LevelNetStatus>> GetStatus() override {
    return std::vector<netpolicy::LevelNetStatus>{};
  }
  std::mutex mutex;
  bool works = true;
  std::set<std::string> levels;
  std::map<std::string, netpolicy::LevelPolicy> policies;  ///< what was applied last
  std::function<void(const std::string&)> on_apply;
  std::function<void(const std::string&)> on_remove;
};

class FakeInstances : public InstanceControl {
 public:
  Status SetInstances(const std::vector<ServiceInstance>& instances) override {
    std::lock_guard lock(mutex);
    if (!works) return Fail(ErrorCode::kUnavailable, "superd is away");
    now = instances;
    told.push_back(instances);
    return {};
  }
  Result<std::vector<ServiceStatus>> GetStatus() override { return std::vector<ServiceStatus>{}; }
  std::mutex mutex;
  bool works = true;
  std::vector<ServiceInstance> now;
  std::vector<std::vector<ServiceInstance>> told;  ///< every set there was, in order
};

/// A broker that allows everything but what `refused` names, and keeps its state machine.
class FakeBroker : public DeviceControl {
 public:
  using State = broker::DeviceState;
  void Add(const std::string& id) {
    devices[id] = {.id = id, .path = "/dev/" + id, .title = id, .serial = {}, .level = {}};
  }
  Status SetPolicy(const vmspec::SpecSet&) override { return {}; }
  Result<std::vector<broker::Device>> List() override {
    if (!works) return Fail(ErrorCode::kUnavailable, "brokerd is away");
    std::vector<broker::Device> all;
    for (const auto& [id, device] : devices) all.push_back(device);
    return all;
  }
  Result<broker::Lease> Lend(const std::string& id, const std::string& level, bool write) override {
    if (!devices.contains(id)) return Fail(ErrorCode::kNotFound, "no such device");
    if (refused.contains(level)) return Fail(ErrorCode::kRefused, "devices.toml:4 denies it");
    broker::Device& d = devices[id];
    if (d.state != State::kHost && d.level != level) {
      return Fail(ErrorCode::kBusy, d.level + " has " + id);
    }
    d.state = State::kBound;
    d.level = level;
    d.writable = write;
    return broker::Lease{d, UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC))};
  }
  Status ConfirmAttached(const std::string& id, const std::string&) override {
    if (fail_confirm) return Fail(ErrorCode::kUnavailable, "brokerd is away");
    return Move(id, State::kBound, State::kInUse);
  }
  Status BeginTakeBack(const std::string& id) override {
    devices[id].state = State::kDraining;
    return {};
  }
  Status Released(const std::string& id) override {
    if (Status s = Move(id, State::kDraining, State::kHost); !s) return s;
    devices[id].level.clear();
    devices[id].disallowed = false;
    return {};
  }
  bool works = true;
  bool fail_confirm = false;
  std::map<std::string, broker::Device> devices;
  std::set<std::string> refused;

 private:
  Status Move(const std::string& id, State from, State to) {
    if (devices[id].state != from) return Fail(ErrorCode::kConflict, id + " is not in that state");
    devices[id].state = to;
    return {};
  }
};

}  // namespace bulkhead::hostd
