// SPDX-License-Identifier: GPL-2.0-or-later
/// The ports over the daemons' sockets. A daemon that superd is just starting anew is waited for.
#pragma once

#include <string>

#include "hostd/patience.h"
#include "hostd/ports.h"

namespace bulkhead::hostd {

class NetdPort : public NetworkControl {
 public:
  explicit NetdPort(std::string socket) : client_(std::move(socket)) {}
  Status Apply(const netpolicy::LevelPolicy& policy) override {
    return Patiently([&] { return client_.Apply(policy); });
  }
  Status Remove(const std::string& level) override {
    return Patiently([&] { return client_.Remove(level); });
  }
  Status RetainOnly(const std::vector<std::string>& levels) override {
    return Patiently([&] { return client_.RetainOnly(levels); });
  }
  Result<std::vector<netpolicy::LevelNetStatus>> GetStatus() override {
    return Patiently([&] { return client_.GetStatus(); });
  }

 private:
  netpolicy::NetdClient client_;
};

class SuperPort : public InstanceControl {
 public:
  explicit SuperPort(std::string socket) : client_(std::move(socket)) {}
  Status SetInstances(const std::vector<ServiceInstance>& instances) override {
    return Patiently([&] { return client_.SetInstances(instances); });
  }
  Result<std::vector<ServiceStatus>> GetStatus() override { return client_.GetStatus(); }

 private:
  SuperClient client_;
};

class BrokerPort : public DeviceControl {
 public:
  /// Short of the 30 s after which a caller of hostd gives up.
  static constexpr std::chrono::seconds kProbePatience{3};

  explicit BrokerPort(std::string socket) : client_(socket), probe_(socket, kProbePatience) {}
  /// Whether brokerd answers now. One that hangs holds up nobody for long.
  Status Probe() {
    auto devices = probe_.List();
    if (devices) return {};
    if (devices.error().code != ErrorCode::kOutcomeUnknown) return Propagate(devices);
    return Fail(
        ErrorCode::kUnavailable,
        "bulkhead-brokerd does not answer: it waits for a device, or hangs; if it lasts, end "
        "its process, which is started anew");
  }
  Status SetPolicy(const vmspec::SpecSet& spec) override {
    return Patiently([&] { return client_.SetPolicy(spec); });
  }
  Result<std::vector<broker::Device>> List() override {
    return Patiently([&] { return client_.List(); });
  }
  Result<broker::Lease> Lend(const std::string& device, const std::string& level,
                             bool write) override {
    return Patiently([&] { return client_.Lend(device, level, write); });
  }
  Status ConfirmAttached(const std::string& device, const std::string& level) override {
    return Patiently([&] { return client_.ConfirmAttached(device, level); });
  }
  Status BeginTakeBack(const std::string& device) override {
    return Patiently([&] { return client_.BeginTakeBack(device); });
  }
  Status Released(const std::string& device) override {
    return Patiently([&] { return client_.Released(device); });
  }

 private:
  broker::BrokerClient client_;
  broker::BrokerClient probe_;
};

}  // namespace bulkhead::hostd
