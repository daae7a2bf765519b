// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/devices/device_desk.h"

#include <fcntl.h>

#include <algorithm>

namespace bulkhead::hostd {

namespace {

using broker::Device;
using broker::DeviceState;

Result<Device> Find(DeviceControl& broker, const std::string& id) {
  auto all = broker.List();
  if (!all) return Propagate(all);
  auto it = std::ranges::find(*all, id, &Device::id);
  if (it != all->end()) return *it;
  return Fail(ErrorCode::kNotFound, "there is no device " + id + " that could be lent");
}

}  // namespace

void DeviceDesk::Tell(const std::string& id) {
  if (auto device = Find(*broker_, id)) changed_(*device);
}

Status DeviceDesk::GiveBack(const std::string& device) {
  if (Status s = broker_->BeginTakeBack(device); !s) return s;
  return broker_->Released(device);
}

Status DeviceDesk::Plug(const broker::Lease& lease, const std::string& level) {
  MediumSpec medium;
  medium.device_id = lease.device.id;
  medium.path = lease.device.path;
  medium.fd.reset(::fcntl(lease.fd.get(), F_DUPFD_CLOEXEC, 3));
  medium.writable = lease.device.writable;
  medium.size_bytes = lease.device.size_bytes;
  Status plugged = hypervisor_->Attach(level, medium);
  // A hostd that was killed here before had done it already.
  if (!plugged && plugged.error().code == ErrorCode::kExists) plugged = {};
  return plugged;
}

Status DeviceDesk::Lend(const std::string& actor, const std::string& device,
                        const std::string& level, bool write) {
  std::lock_guard lock(mutex_);
  Status lent = LendLocked(actor, device, level, write);
  if (!lent) {
    bool refused =
        lent.error().code == ErrorCode::kRefused || lent.error().code == ErrorCode::kBusy;
    // The error is the answer; a log that cannot be written changes nothing any more.
    (void)audit_->Append(actor, "device.lend", device, refused ? "refused" : "failed",
                         {{"level", level}, {"reason", lent.error().message}});
  }
  Tell(device);
  return lent;
}

Status DeviceDesk::LendLocked(const std::string& actor, const std::string& device,
                              const std::string& level, bool write) {
  auto lease = broker_->Lend(device, level, write);
  if (!lease) return Propagate(lease);
  holders_.insert(level);
  Status done = audit_->Append(actor, "device.lend", device, "allowed",
                               {{"level", level},
                                {"path", lease->device.path},
                                {"access", lease->device.writable ? "write" : "read"}});
  if (done) done = Plug(*lease, level);
  // Our copy of the claim: until here it kept the medium in its place, from here QEMU and the
  // broker do, and Released() would find it open.
  lease->fd.reset();
  if (done) done = broker_->ConfirmAttached(device, level);
  if (done) return {};
  if (Status undone = Undo(device, level); !undone) {
    return Fail(done.error().code, done.error().message + "; and the host has " + device +
                                       " not back yet: " + undone.error().message +
                                       "; then run bulkhead device take-back " + device);
  }
  return done;
}

/// Whatever half was done is undone, the guest's part first: while the guest may have it nobody
/// else gets it.
Status DeviceDesk::Undo(const std::string& device, const std::string& level) {
  if (Status unplugged = hypervisor_->Detach(level, device); !unplugged) return unplugged;
  return GiveBack(device);
}

Status DeviceDesk::TakeBack(const std::string& actor, const std::string& id, const May& may) {
  std::lock_guard lock(mutex_);
  auto device = Find(*broker_, id);
  if (!device) return Propagate(device);
  if (device->state == DeviceState::kHost) {
    return Fail(ErrorCode::kConflict, id + " is the host's already");
  }
  if (Status allowed = may(device->level); !allowed) {
    (void)audit_->Append(actor, "device.take-back", id, "refused",
                         {{"level", device->level}, {"reason", allowed.error().message}});
    return allowed;
  }
  return TakeBackLocked(actor, *device, "");
}

Status DeviceDesk::TakeBackLocked(const std::string& actor, const Device& device,
                                  const std::string& why) {
  AuditDetail detail = {{"level", device.level}};
  if (!why.empty()) detail.emplace_back("reason", why);
  Status done = audit_->Append(actor, "device.take-back", device.id, "allowed", detail);
  if (done) done = broker_->BeginTakeBack(device.id);
  if (done) done = hypervisor_->Detach(device.level, device.id);
  if (done) done = broker_->Released(device.id);
  if (!done && done.error().code == ErrorCode::kTimeout) {
    done = Fail(ErrorCode::kTimeout, device.level + " does not let go of " + device.id +
                                         ": unmount it there and try again, or stop the level");
  }
  if (!done) {
    (void)audit_->Append(actor, "device.take-back", device.id, "failed",
                         {{"level", device.level}, {"reason", done.error().message}});
  }
  Tell(device.id);
  return done;
}

Result<std::map<std::string, std::string>> DeviceDesk::TakeBackDisallowed() {
  std::lock_guard lock(mutex_);
  auto all = broker_->List();
  if (!all) return Propagate(all);
  std::map<std::string, std::string> holding_on;
  for (const Device& device : *all) {
    if (device.state == DeviceState::kHost || !device.disallowed) continue;
    Status taken = TakeBackLocked("hostd", device, device.note);
    if (!taken) holding_on[device.level] = taken.error().message;
  }
  return holding_on;
}

Status DeviceDesk::LevelGone(const std::string& level) {
  std::lock_guard lock(mutex_);
  if (known_ && !holders_.contains(level)) return {};
  auto all = broker_->List();
  if (!all) return Propagate(all);
  for (const Device& device : *all) {
    if (device.level != level || device.state == DeviceState::kHost) continue;
    Status recorded = audit_->Append("hostd", "device.take-back", device.id, "done",
                                     {{"level", level}, {"reason", "the level has stopped"}});
    if (!recorded) return recorded;
    if (Status s = GiveBack(device.id); !s) return s;
    Tell(device.id);
  }
  holders_.erase(level);
  return {};
}

Status DeviceDesk::Settle(const Device& device) {
  // Asked, and not looked up in a list of levels: a level may be younger than the list.
  auto attached = hypervisor_->Attached(device.level);
  if (!attached && attached.error().code != ErrorCode::kNotFound) return Propagate(attached);
  if (!attached || std::ranges::find(*attached, device.id) == attached->end()) {
    Status recorded =
        audit_->Append("hostd", "device.take-back", device.id, "done",
                       {{"level", device.level}, {"reason", "the level does not have it"}});
    return recorded ? GiveBack(device.id) : recorded;
  }
  holders_.insert(device.level);
  if (device.state == DeviceState::kBound) {
    return broker_->ConfirmAttached(device.id, device.level);
  }
  if (device.state != DeviceState::kDraining) return {};
  // Somebody had asked for it back.
  if (Status s = hypervisor_->Detach(device.level, device.id); !s) return s;
  return broker_->Released(device.id);
}

/// What a level has and the broker does not know of was never granted.
Status DeviceDesk::PullOutStrangers(const std::set<std::string>& live,
                                    const std::vector<Device>& all) {
  Status first;
  for (const std::string& level : live) {
    auto attached = hypervisor_->Attached(level);
    if (!attached) continue;
    for (const std::string& id : *attached) {
      bool granted = std::ranges::any_of(all, [&](const Device& d) {
        return d.id == id && d.level == level && d.state != DeviceState::kHost;
      });
      if (granted) continue;
      // Recorded or not, it must not stay.
      (void)audit_->Append("hostd", "device.take-back", id, "done",
                           {{"level", level}, {"reason", "it was never granted"}});
      if (Status s = hypervisor_->Detach(level, id); !s && first) first = s;
    }
  }
  return first;
}

Status DeviceDesk::Reconcile(const std::set<std::string>& live) {
  std::lock_guard lock(mutex_);
  auto all = broker_->List();
  if (!all) return Propagate(all);
  Status first;
  for (const Device& device : *all) {
    if (device.state == DeviceState::kHost) continue;
    if (Status s = Settle(device); !s && first) first = s;
  }
  if (Status s = PullOutStrangers(live, *all); !s && first) first = s;
  if (first) known_ = true;
  return first;
}

}  // namespace bulkhead::hostd
