// SPDX-License-Identifier: GPL-2.0-or-later
/// The main path: what is done, in which order, so that a level is up; and the reverse. Blocking:
/// for worker threads, one call a level at a time.
#pragma once

#include <functional>
#include <string>

#include "hostd/accel/accel_probe.h"
#include "hostd/applied_spec.h"
#include "hostd/audit/audit_log.h"
#include "hostd/level/instance_keeper.h"
#include "hostd/level/run_book.h"
#include "hostd/level/started_book.h"
#include "hostd/libvirt/hypervisor.h"
#include "hostd/ports.h"
#include "hostd/storage/image_store.h"
#include "vmspec/base/paths.h"

namespace bulkhead::hostd {

class DeviceDesk;

/// What a start works with. All borrowed; they outlive whoever has this.
struct World {
  Paths paths;
  AuditLog* audit = nullptr;
  ImageStore* images = nullptr;
  AccelProbe* accel = nullptr;
  NetworkControl* network = nullptr;
  Hypervisor* hypervisor = nullptr;
  InstanceKeeper* instances = nullptr;
  DeviceDesk* devices = nullptr;
  RunBook* runs = nullptr;
  StartedBook* started = nullptr;
};

struct StartOrder {
  AppliedSpecPtr applied;
  std::string level;
  std::string actor;  ///< for the audit record: "uid:0", "hostd"
  bool paused = false;
};

/// What is known of a level once it is up.
struct BroughtUpLevel {
  std::string image_version;
  AccelKind accel = AccelKind::kTcg;
};

using StepSink = std::function<void(const std::string& step)>;

/// spec, storage, network, channels, domain: after it the level's domain is there, paused.
/// Each step is idempotent. After an error TearDown() removes what the steps before it made.
Result<BroughtUpLevel> BringUp(const World& world, const StartOrder& order, const StepSink& step);

/// Ends the level's domain, gives its devices back, removes its network last and its instances.
/// Idempotent. While the domain cannot be ended for certain its rules stay (I1), and that is the
/// error.
Status TearDown(const World& world, const AppliedSpecPtr& applied, const std::string& level);

/// A level that runs or is paused since before this hostd: its network and instances are made what
/// the spec says (they are, unless something died half-way), and it runs.
Status Reattach(const World& world, const AppliedSpecPtr& applied, const std::string& level);

/// Makes the kernel enforce what the spec says of the level, before it exists and while it runs.
Status ApplyNetwork(NetworkControl& network, const AppliedSpec& applied, const std::string& level);

/// A set, and the unix time for which rules that end are judged.
struct SetAt {
  const AppliedSpec& applied;
  std::int64_t unix_s = 0;
};

/// What netd enforces for the level is another by `after` than by `before`, apart from where and
/// with which comment it is written. Pure.
bool NetworkDiffers(const SetAt& before, const SetAt& after, const std::string& level);

}  // namespace bulkhead::hostd
