// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "device-broker/broker_client.h"
#include "device-broker/device_source.h"
#include "device-broker/state.h"
#include "device-broker/store.h"

namespace bulkhead::broker {

/// Decides, opens and remembers; what BrokerClient asks for, on this side of the socket: see there
/// for the meaning and errors of each. One thread.
///
/// Before any answer the new state is on the disk. While it runs, it keeps a copy of each lent
/// descriptor, so that the host cannot claim what a level may still get.
class Broker {
 public:
  /// Takes up the state of the one before. Where that cannot be read the broker is *closed*: it
  /// lends nothing, gives nothing back, and says why.
  Broker(std::unique_ptr<DeviceSource> source, Store store);

  Status SetPolicy(Policy policy);
  Result<std::vector<Device>> List();
  /// The descriptor is a copy; the broker keeps its own.
  Result<Lease> Lend(const std::string& id, const std::string& level, bool write);
  Status ConfirmAttached(const std::string& id, const std::string& level);
  Status BeginTakeBack(const std::string& id);
  Status Released(const std::string& id);

  /// Why nothing is lent or given back; for the log.
  [[nodiscard]] const Status& condition() const { return condition_; }

 private:
  using Media = std::map<std::string, Medium>;

  Result<Media> Enumerate();
  void Reclaim(const Media& media);
  Result<Lease> LendNew(const Medium& medium, const std::string& level, bool write);
  Result<Lease> LendAgain(const Medium* medium, const std::string& id, const Grant& grant);
  Result<Lease> Hand(const std::string& id);
  Status Authorise(const Medium& medium, const std::string& level, bool write) const;
  Status Commit(Ledger next);
  Status Step(const std::string& id, Event event);
  Status CheckNobodyElse(const std::string& id, const Grant& grant);
  [[nodiscard]] Device Describe(const std::string& id, const Grant& grant,
                                const Medium* medium) const;

  std::unique_ptr<DeviceSource> source_;
  Store store_;
  Status condition_;
  Ledger ledger_;
  std::optional<Policy> policy_;  ///< none: everything is refused
  std::map<std::string, UniqueFd> claims_;
};

}  // namespace bulkhead::broker
