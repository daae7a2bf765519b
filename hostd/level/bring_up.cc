// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/level/bring_up.h"

#include <ctime>

#include "hostd/devices/device_desk.h"
#include "hostd/libvirt/tsc.h"
#include "hostd/lower/lower_domain.h"
#include "hostd/storage/state_disk.h"
#include "netpolicy/policy.h"

namespace bulkhead::hostd {

namespace {

/// What opening the level's disks and boot files found.
struct Opened {
  StartFacts facts;
  UniqueFd root;
  UniqueFd state;
};

/// Step 2: the image proved, this level's own copies of what boots, its state disk.
Result<Opened> Storage(const World& world, const vmspec::Level& level) {
  std::int64_t asked_at = std::time(nullptr);
  auto image = world.images->Open(level.image);
  if (!image) return Propagate(image);
  std::string folder = world.paths.LevelDir(level.name);
  auto boot = StageBoot(*image, folder);
  if (!boot) return Propagate(boot);
  auto state = OpenStateDisk(folder, level.state_mib, KeepsState(level));
  if (!state) return Propagate(state);
  return Opened{StartFacts{.created_unix_s = asked_at,
                           .kernel = boot->kernel,
                           .initrd = boot->initrd,
                           .cmdline = image->manifest.cmdline,
                           .image_version = image->manifest.version},
                std::move(image->root), std::move(*state)};
}

/// What was opened, as the domain that libvirt is asked for.
DomainSpec MakeDomain(const World& world, const StartOrder& order, const vmspec::Level& level,
                      AccelKind accel, Opened opened) {
  StartFacts& facts = opened.facts;
  facts.accel = accel == AccelKind::kKvm ? Acceleration::kKvm : Acceleration::kTcg;
  if (facts.accel == Acceleration::kTcg) facts.tsc_khz = HostTscKhz();
  DomainSpec domain = LowerDomain(world.paths, *order.applied, level, facts);
  domain.root.fd = std::move(opened.root);
  if (domain.state) domain.state->fd = std::move(opened.state);
  return domain;
}

/// A disposable level is gone with all that it wrote.
Status RemoveState(const World& world, const AppliedSpec& applied, const std::string& level) {
  const vmspec::Level* of = applied.FindLevel(level);
  if (of == nullptr || !of->life_cycle.disposable) return {};
  return RemoveScratchDisk(world.paths.LevelDir(level));
}

}  // namespace

Status ApplyNetwork(NetworkControl& network, const AppliedSpec& applied, const std::string& level) {
  auto policy =
      netpolicy::CompileLevel(applied.spec, level, applied.levels.at(level), std::time(nullptr));
  if (!policy) return Propagate(policy);
  if (!*policy) return network.Remove(level);
  return network.Apply(**policy);
}

namespace {

/// The policy as netd would get it, without what only people read; nothing without a network.
Result<Bytes> Meaning(const SetAt& set, const std::string& level) {
  auto policy =
      netpolicy::CompileLevel(set.applied.spec, level, set.applied.levels.at(level), set.unix_s);
  if (!policy) return Propagate(policy);
  if (!*policy) return Bytes{};
  for (auto* rules : {&(*policy)->rules, &(*policy)->deny}) {
    for (vmspec::NetRule& rule : *rules) {
      rule.origin = {};
      rule.comment.clear();
    }
  }
  return netpolicy::EncodePolicy(**policy);
}

}  // namespace

bool NetworkDiffers(const SetAt& before, const SetAt& after, const std::string& level) {
  bool known = before.applied.FindLevel(level) != nullptr;
  if (!known || after.applied.FindLevel(level) == nullptr) return true;
  auto was = Meaning(before, level);
  auto is = Meaning(after, level);
  return !was || !is || *was != *is;
}

Result<BroughtUpLevel> BringUp(const World& world, const StartOrder& order, const StepSink& step) {
  step("spec");
  const vmspec::Level* level = order.applied->FindLevel(order.level);
  if (level == nullptr) {
    return Fail(ErrorCode::kNotFound, "the applied spec set has no level " + order.level);
  }
  auto recorded = world.audit->Append(order.actor, "level.start", order.level, "allowed",
                                      {{"image", level->image}});
  if (!recorded) return Propagate(recorded, "the audit log");
  if (Status marked =
          world.runs->Set(order.level, order.paused ? RunMark::kPaused : RunMark::kStarting);
      !marked) {
    return Propagate(marked);
  }
  auto accel =
      world.accel->Probe(order.applied->spec.host.accel, order.applied->spec.host.allow_tcg);
  if (!accel) return Propagate(accel);

  step("storage");
  auto opened = Storage(world, *level);
  if (!opened) return Propagate(opened);
  DomainSpec domain = MakeDomain(world, order, *level, accel->kind, std::move(*opened));
  step("network");
  // The kernel has the level's rules before the level exists (I1).
  if (Status s = ApplyNetwork(*world.network, *order.applied, order.level); !s) return Propagate(s);
  step("channels");
  if (Status s = world.instances->Activate(order.applied, order.level); !s) return Propagate(s);
  step("domain");
  if (Status s =
          world.started->Set(order.level, vmspec::RestartFactsOf(order.applied->spec, *level));
      !s) {
    return Propagate(s);
  }
  if (Status s = world.hypervisor->CreatePaused(domain); !s) return Propagate(s);
  return BroughtUpLevel{domain.image_version, accel->kind};
}

Status TearDown(const World& world, const AppliedSpecPtr& applied, const std::string& level) {
  Status ended = world.hypervisor->Destroy(level);
  // A domain of that name which is not ours was never given our network.
  if (!ended && ended.error().code != ErrorCode::kExists) return ended;
  Status devices = world.devices->LevelGone(level);
  Status network = world.network->Remove(level);
  Status instances = world.instances->Deactivate(applied, level);
  Status state = RemoveState(world, *applied, level);
  Status unmarked = world.runs->Clear(level);
  Status forgotten = world.started->Clear(level);
  for (const Status* s : {&network, &devices, &instances, &state, &unmarked, &forgotten}) {
    if (!*s) return *s;
  }
  return {};
}

Status Reattach(const World& world, const AppliedSpecPtr& applied, const std::string& level) {
  if (Status s = ApplyNetwork(*world.network, *applied, level); !s) return s;
  if (Status s = world.instances->Activate(applied, level); !s) return s;
  return world.hypervisor->Resume(level);
}

}  // namespace bulkhead::hostd
