// SPDX-License-Identifier: GPL-2.0-or-later
/// The daemons beside hostd as it sees them: sockets in production, memory in tests. Blocking: for
/// worker threads. Any thread may call any member. Errors are those of the clients, which see.
#pragma once

#include <string>
#include <vector>

#include "device-broker/broker_client.h"
#include "hostd/super_client.h"
#include "netpolicy/netd_client.h"

namespace bulkhead::hostd {

/// bulkhead-netd.
class NetworkControl {
 public:
  virtual ~NetworkControl() = default;
  virtual Status Apply(const netpolicy::LevelPolicy& policy) = 0;
  virtual Status Remove(const std::string& level) = 0;
  virtual Status RetainOnly(const std::vector<std::string>& levels) = 0;
  virtual Result<std::vector<netpolicy::LevelNetStatus>> GetStatus() = 0;
};

/// bulkhead-superd.
class InstanceControl {
 public:
  virtual ~InstanceControl() = default;
  virtual Status SetInstances(const std::vector<ServiceInstance>& instances) = 0;
  virtual Result<std::vector<ServiceStatus>> GetStatus() = 0;
};

/// bulkhead-brokerd.
class DeviceControl {
 public:
  virtual ~DeviceControl() = default;
  virtual Status SetPolicy(const vmspec::SpecSet& spec) = 0;
  virtual Result<std::vector<broker::Device>> List() = 0;
  virtual Result<broker::Lease> Lend(const std::string& device, const std::string& level,
                                     bool write) = 0;
  virtual Status ConfirmAttached(const std::string& device, const std::string& level) = 0;
  virtual Status BeginTakeBack(const std::string& device) = 0;
  virtual Status Released(const std::string& device) = 0;
};

}  // namespace bulkhead::hostd
