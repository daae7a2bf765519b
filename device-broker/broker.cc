// SPDX-License-Identifier: GPL-2.0-or-later
#include "device-broker/broker.h"

#include <fcntl.h>
#include <unistd.h>

#include "device-broker/rules.h"

namespace bulkhead::broker {

namespace {

const Medium* Find(const std::map<std::string, Medium>& media, const std::string& id) {
  auto found = media.find(id);
  return found == media.end() ? nullptr : &found->second;
}

Device FreeDevice(const Medium& medium) {
  Device device;
  device.id = medium.id;
  device.device_class = medium.device_class;
  device.path = medium.identity.path;
  device.title = medium.title;
  device.serial = medium.serial;
  device.size_bytes = medium.identity.size_bytes;
  if (!medium.host_use.empty()) device.note = "the host uses it: " + medium.host_use;
  return device;
}

std::unexpected<Error> Gone(const std::string& id) {
  return Fail(ErrorCode::kConflict,
              "the medium in " + id + " was removed or replaced since it was lent: take it back");
}

Status CheckNames(const std::string& id, const std::string& level) {
  if (!IsDeviceId(id)) return Fail(ErrorCode::kInvalid, "that is no device's id");
  if (!IsLevelName(level)) return Fail(ErrorCode::kInvalid, "that is no level's name");
  return {};
}

}  // namespace

Broker::Broker(std::unique_ptr<DeviceSource> source, Store store)
    : source_(std::move(source)), store_(std::move(store)) {
  if (auto policy = store_.LoadPolicy()) policy_ = std::move(*policy);
  auto ledger = store_.LoadLedger();
  if (!ledger) {
    condition_ = Fail(ErrorCode::kCorrupt, ledger.error().message +
                                               ": nothing is lent or taken back. Stop every level "
                                               "that has a device, remove that file, and restart "
                                               "bulkhead-brokerd");
    return;
  }
  ledger_ = std::move(*ledger);
  if (auto media = Enumerate()) Reclaim(*media);
}

/// What is lent shall not be open to the host, not even after brokerd was killed. Where somebody
/// has a copy of the old descriptor, that holds the claim.
void Broker::Reclaim(const Media& media) {
  for (const auto& [id, grant] : ledger_.grants()) {
    const Medium* medium = Find(media, id);
    if (claims_.contains(id) || medium == nullptr) continue;
    if (!medium->identity.IsSameMedium(grant.identity)) continue;
    if (auto fd = source_->Claim(*medium, grant.writable)) claims_[id] = std::move(*fd);
  }
}

Result<Broker::Media> Broker::Enumerate() {
  auto list = source_->Enumerate();
  if (!list) return Propagate(list);
  Media media;
  for (Medium& medium : *list) media.emplace(medium.id, medium);
  return media;
}

Status Broker::SetPolicy(Policy policy) {
  if (Status ok = CheckPolicy(policy); !ok) return ok;
  if (Status saved = store_.SavePolicy(policy); !saved) return saved;
  policy_ = std::move(policy);
  return {};
}

Result<std::vector<Device>> Broker::List() {
  if (!condition_) return Propagate(condition_);
  auto media = Enumerate();
  if (!media) return Propagate(media);
  Reclaim(*media);
  std::vector<Device> devices;
  for (const auto& [id, grant] : ledger_.grants()) {
    devices.push_back(Describe(id, grant, Find(*media, id)));
  }
  for (const auto& [id, medium] : *media) {
    if (ledger_.Find(id) == nullptr) devices.push_back(FreeDevice(medium));
  }
  return devices;
}

Device Broker::Describe(const std::string& id, const Grant& grant, const Medium* medium) const {
  Device device;
  device.id = id;
  device.path = grant.identity.path;
  device.title = grant.title;
  device.serial = grant.serial;
  device.size_bytes = grant.identity.size_bytes;
  device.state = grant.state;
  device.level = grant.level;
  device.writable = grant.writable;
  if (medium == nullptr || !medium->identity.IsSameMedium(grant.identity)) {
    device.note = "the medium was removed or replaced while lent";
  } else if (Status allowed = Authorise(*medium, grant.level, grant.writable); !allowed) {
    device.note = "it would not be lent now: " + allowed.error().message;
    device.disallowed = true;
  }
  return device;
}

Status Broker::Authorise(const Medium& medium, const std::string& level, bool write) const {
  if (!policy_)
    return Fail(ErrorCode::kRefused, "no spec was applied yet, so nobody gets a device");
  Verdict verdict = Judge(AllRules(), {*policy_, medium, level, write});
  if (!verdict.allowed) return Fail(ErrorCode::kRefused, verdict.reason);
  return {};
}

Result<Lease> Broker::Lend(const std::string& id, const std::string& level, bool write) {
  if (!condition_) return Propagate(condition_);
  if (Status ok = CheckNames(id, level); !ok) return Propagate(ok);
  auto media = Enumerate();
  if (!media) return Propagate(media);
  const Medium* medium = Find(*media, id);
  const Grant* grant = ledger_.Find(id);
  if (grant != nullptr && grant->level == level) {
    if (grant->writable != write) {
      return Fail(ErrorCode::kConflict, id + " is lent to " + level + " for " +
                                            (grant->writable ? "writing" : "reading only"));
    }
    return LendAgain(medium, id, *grant);
  }
  if (grant != nullptr) {
    return Fail(ErrorCode::kBusy, id + " is lent to level " + grant->level);
  }
  if (medium == nullptr) return Fail(ErrorCode::kNotFound, "there is no device " + id + " to lend");
  return LendNew(*medium, level, write);
}

Result<Lease> Broker::LendNew(const Medium& medium, const std::string& level, bool write) {
  if (Status ok = Authorise(medium, level, write); !ok) return Propagate(ok);
  if (!medium.host_use.empty()) {
    return Fail(ErrorCode::kBusy, "the host uses " + medium.id + ": " + medium.host_use);
  }
  // Two loop devices over one file are one medium.
  for (const auto& [id, grant] : ledger_.grants()) {
    const std::string& file = grant.identity.backing_file;
    if (!file.empty() && file == medium.identity.backing_file) {
      return Fail(ErrorCode::kBusy, medium.id + " is the same medium as " + id +
                                        ", which is lent to level " + grant.level);
    }
  }
  // "authorising" lasts as long as this call; what is stored is "bound", with the device open.
  Ledger next = ledger_;
  if (Status ok = next.Authorise(medium, level, write); !ok) return Propagate(ok);
  auto fd = source_->Claim(medium, write);
  if (!fd) return Propagate(fd);
  if (Status ok = next.Apply(medium.id, Event::kBind); !ok) return Propagate(ok);
  if (Status saved = Commit(std::move(next)); !saved) return Propagate(saved);
  claims_[medium.id] = std::move(*fd);
  return Hand(medium.id);
}

/// hostd may have died between our answer and its attaching.
Result<Lease> Broker::LendAgain(const Medium* medium, const std::string& id, const Grant& grant) {
  if (grant.state == DeviceState::kInUse) {
    return Fail(ErrorCode::kExists, grant.level + " has " + id + " attached already");
  }
  if (grant.state != DeviceState::kBound) {
    return Fail(ErrorCode::kBusy, id + " is being taken back from level " + grant.level);
  }
  if (medium == nullptr || !medium->identity.IsSameMedium(grant.identity)) return Gone(id);
  if (Status ok = Authorise(*medium, grant.level, grant.writable); !ok) return Propagate(ok);
  if (!claims_.contains(id)) {
    // brokerd was restarted, and somebody had a claim then: a copy of the old descriptor, the host.
    auto fd = source_->Claim(*medium, grant.writable);
    if (!fd) return Propagate(fd);
    claims_[id] = std::move(*fd);
  }
  return Hand(id);
}

Result<Lease> Broker::Hand(const std::string& id) {
  UniqueFd copy(::fcntl(claims_.at(id).get(), F_DUPFD_CLOEXEC, 3));
  if (!copy) return FailErrno("hand out " + id);
  const Grant& grant = *ledger_.Find(id);
  Device device;
  device.id = id;
  device.path = grant.identity.path;
  device.title = grant.title;
  device.serial = grant.serial;
  device.size_bytes = grant.identity.size_bytes;
  device.state = grant.state;
  device.level = grant.level;
  device.writable = grant.writable;
  return Lease{std::move(device), std::move(copy)};
}

Status Broker::Commit(Ledger next) {
  if (Status saved = store_.SaveLedger(next); !saved) return saved;
  ledger_ = std::move(next);
  return {};
}

Status Broker::Step(const std::string& id, Event event) {
  Ledger next = ledger_;
  if (Status legal = next.Apply(id, event); !legal) return legal;
  return Commit(std::move(next));
}

Status Broker::ConfirmAttached(const std::string& id, const std::string& level) {
  if (!condition_) return condition_;
  if (Status ok = CheckNames(id, level); !ok) return ok;
  const Grant* grant = ledger_.Find(id);
  if (grant == nullptr || grant->level != level) {
    return Fail(ErrorCode::kConflict,
                id + " is " + (grant == nullptr ? "the host's" : "lent to level " + grant->level) +
                    ", not to level " + level);
  }
  if (grant->state == DeviceState::kInUse) return {};
  return Step(id, Event::kAttach);
}

Status Broker::BeginTakeBack(const std::string& id) {
  if (!condition_) return condition_;
  const Grant* grant = ledger_.Find(id);
  if (grant == nullptr) return Fail(ErrorCode::kConflict, "nobody has that device");
  if (grant->state == DeviceState::kDraining) return {};
  return Step(id, Event::kTakeBack);
}

Status Broker::Released(const std::string& id) {
  if (!condition_) return condition_;
  const Grant* grant = ledger_.Find(id);
  if (grant == nullptr) return {};
  if (grant->state != DeviceState::kDraining) {
    if (Status drained = Step(id, Event::kTakeBack); !drained) return drained;
  }
  if (Status free = CheckNobodyElse(id, *ledger_.Find(id)); !free) return free;
  // "reset" lasts as long as this call; until the end the disk says "draining".
  Ledger next = ledger_;
  if (Status ok = next.Apply(id, Event::kLetGo); !ok) return ok;
  if (Status ok = next.Apply(id, Event::kClean); !ok) return ok;
  if (Status saved = Commit(std::move(next)); !saved) return saved;
  claims_.erase(id);
  return {};
}

/// A hostile guest can refuse to let go of a disk, and a caller can err: the kernel knows. While
/// any copy of the descriptor that we handed out is open, nobody gets a new claim.
Status Broker::CheckNobodyElse(const std::string& id, const Grant& grant) {
  auto claim = claims_.find(id);
  if (claim != claims_.end()) {
    // What the level wrote is on the medium before anybody else can have it.
    if (grant.writable && ::fsync(claim->second.get()) != 0 && errno != EIO && errno != ENODEV) {
      return FailErrno("write out " + id);
    }
    claims_.erase(claim);
  }
  auto media = Enumerate();
  if (!media) return Propagate(media);
  const Medium* medium = Find(*media, id);
  if (medium == nullptr || !medium->identity.IsSameMedium(grant.identity)) return {};
  auto fd = source_->Claim(*medium, false);
  if (fd) {
    claims_[id] = std::move(*fd);
    return {};
  }
  ErrorCode code = fd.error().code;
  if (code == ErrorCode::kConflict || code == ErrorCode::kUnavailable) return {};  // it went away
  if (code != ErrorCode::kBusy) return Propagate(fd);
  return Fail(ErrorCode::kBusy, "somebody still has " + id + " open: level " + grant.level +
                                    ", a copy of its descriptor, or a mount on the host");
}

}  // namespace bulkhead::broker
