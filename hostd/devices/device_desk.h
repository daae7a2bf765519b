// SPDX-License-Identifier: GPL-2.0-or-later
/// Lending and taking back: the broker decides and opens, the hypervisor plugs, the audit log
/// knows first. After it hostd, broker and libvirt agree on who has what (I2).
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "hostd/audit/audit_log.h"
#include "hostd/libvirt/hypervisor.h"
#include "hostd/ports.h"

namespace bulkhead::hostd {

/// Blocking: for worker threads. Any thread may call any member; one device operation at a time.
class DeviceDesk {
 public:
  /// All borrowed; they outlive this. `changed` is told of a device (with its level before or
  /// after), on the calling thread.
  using Changed = std::function<void(const broker::Device&)>;
  DeviceDesk(DeviceControl* broker, Hypervisor* hypervisor, AuditLog* audit, Changed changed)
      : broker_(broker), hypervisor_(hypervisor), audit_(audit), changed_(std::move(changed)) {}

  Result<std::vector<broker::Device>> List() { return broker_->List(); }

  /// Returns when the level has it. Errors; the device is the host's (or whose it was) after each:
  ///   kRefused, kBusy, kNotFound  as the broker says
  ///   others                      as the hypervisor says; when that cannot be undone the device
  ///                               stays the level's, and the sentence says how to get it back
  Status Lend(const std::string& actor, const std::string& device, const std::string& level,
              bool write);
  /// Whether the caller may take from this level.
  using May = std::function<Status(const std::string& level)>;
  /// Returns when the host has it again. kTimeout: the guest does not let go; it stays "draining".
  /// What `may` says is recorded as a refusal, and the answer.
  Status TakeBack(
      const std::string& actor, const std::string& device,
      const May& may = [](const std::string&) { return Status(); });

  /// Takes back what is lent and the policy in force does not allow any more: deny beats allow,
  /// also the allow of yesterday. @return levels that do not let go, each with why: they must be
  /// stopped.
  Result<std::map<std::string, std::string>> TakeBackDisallowed();

  /// The level's domain is gone: what it had is the host's again.
  Status LevelGone(const std::string& level);

  /// Makes broker and hypervisor agree: after a restart of hostd, broker or libvirtd. `live`: the
  /// levels that have a domain. One device that cannot be settled does not keep the others from it;
  /// the first error is returned.
  Status Reconcile(const std::set<std::string>& live);

 private:
  Status LendLocked(const std::string& actor, const std::string& device, const std::string& level,
                    bool write);
  Status TakeBackLocked(const std::string& actor, const broker::Device& device,
                        const std::string& why);
  Status Plug(const broker::Lease& lease, const std::string& level);
  Status GiveBack(const std::string& device);
  Status Settle(const broker::Device& device);
  Status Undo(const std::string& device, const std::string& level);
  Status PullOutStrangers(const std::set<std::string>& live,
                          const std::vector<broker::Device>& all);
  void Tell(const std::string& device);

  DeviceControl* broker_;
  Hypervisor* hypervisor_;
  AuditLog* audit_;
  Changed changed_;
  std::mutex mutex_;
  bool known_ = false;             ///< holders_ is true: guarded by mutex_
  std::set<std::string> holders_;  ///< levels that have, or may have, a device: guarded by mutex_
};

}  // namespace bulkhead::hostd
