// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/level/bring_up.h"

#include <cstdio>
#include <ctime>

#include "hostd/devices/device_desk.h"
#include "hostd/libvirt/tsc.h"
#include "hostd/storage/state_disk.h"
#include "netpolicy/policy.h"
#include "vmspec/base/control_messages.h"

namespace bulkhead::hostd {

namespace {

constexpr std::uint32_t kHotplugPorts = 4;

void DescribeChannels(const Paths& paths, const AppliedSpec& applied, DomainSpec& domain) {
  auto add = [&](const std::string& port) {
    domain.channels.push_back({"org.bulkhead." + port, paths.ChannelSocket(domain.level, port)});
  };
  add("control");
  for (const auto& [name, flow] : applied.spec.flows) {
    if (flow.from == domain.level) add("out." + name);
    if (flow.to == domain.level) add("in." + name);
  }
  domain.console_socket = paths.ChannelSocket(domain.level, "console");
}

/// Step 2: the image proved, this level's own copies of what boots, its state disk.
Status Storage(const World& world, const vmspec::Level& level, DomainSpec& domain) {
  auto image = world.images->Open(level.image);
  if (!image) return Propagate(image);
  std::string folder = world.paths.LevelDir(level.name);
  auto boot = StageBoot(*image, folder);
  if (!boot) return Propagate(boot);
  auto state = OpenStateDisk(folder, level.state_mib, level.persistent);
  if (!state) return Propagate(state);
  domain.kernel = boot->kernel;
  domain.initrd = boot->initrd;
  domain.cmdline = image->manifest.cmdline;
  domain.image_version = image->manifest.version;
  domain.root = {world.paths.ImageDir(level.image) + "/root.erofs", std::move(image->root)};
  domain.state = DiskImage{StateDiskPath(folder, level.persistent), std::move(*state)};
  return {};
}

void DescribeNetwork(const AppliedSpec& applied, const vmspec::Level& level, DomainSpec& domain) {
  if (level.network.uplink.empty()) return;
  auto link = netpolicy::LinkFor(applied.spec.host, level.name, domain.index);
  // The policy was compiled from the same numbers a moment ago.
  if (link) domain.network = NetworkInterface{link->interface, MacText(link->mac)};
}

}  // namespace

Status ApplyNetwork(NetworkControl& network, const AppliedSpec& applied, const std::string& level) {
  auto policy = netpolicy::CompileLevel(applied.spec, level, applied.levels.at(level));
  if (!policy) return Propagate(policy);
  if (!*policy) return network.Remove(level);
  return network.Apply(**policy);
}

namespace {

/// The policy as netd would get it, without what only people read; nothing without a network.
Result<Bytes> Meaning(const AppliedSpec& applied, const std::string& level) {
  auto policy = netpolicy::CompileLevel(applied.spec, level, applied.levels.at(level));
  if (!policy) return Propagate(policy);
  if (!*policy) return Bytes{};
  for (vmspec::NetRule& rule : (*policy)->rules) {
    rule.origin = {};
    rule.comment.clear();
  }
  return netpolicy::EncodePolicy(**policy);
}

}  // namespace

bool NetworkDiffers(const AppliedSpec& before, const AppliedSpec& after, const std::string& level) {
  if (before.FindLevel(level) == nullptr || after.FindLevel(level) == nullptr) return true;
  auto was = Meaning(before, level);
  auto is = Meaning(after, level);
  return !was || !is || *was != *is;
}

std::string MacText(const netpolicy::MacAddress& mac) {
  char text[18];
  std::snprintf(text, sizeof text, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
                mac[4], mac[5]);
  return text;
}

DomainSpec DescribeDomain(const Paths& paths, const AppliedSpec& applied,
                          const vmspec::Level& level) {
  DomainSpec domain;
  domain.level = level.name;
  domain.index = applied.levels.at(level.name);
  domain.title = level.title;
  domain.vcpus = level.vcpus;
  domain.memory_mib = level.memory_mib;
  domain.cpu_quota_percent = level.cpu_quota_percent;
  domain.hotplug_ports = kHotplugPorts;
  domain.created_unix_s = std::time(nullptr);
  DescribeChannels(paths, applied, domain);
  DescribeNetwork(applied, level, domain);
  return domain;
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
  DomainSpec domain = DescribeDomain(world.paths, *order.applied, *level);
  domain.accel = accel->kind == AccelKind::kKvm ? Acceleration::kKvm : Acceleration::kTcg;
  if (domain.accel == Acceleration::kTcg) domain.tsc_khz = HostTscKhz();

  step("storage");
  if (Status s = Storage(world, *level, domain); !s) return Propagate(s);
  step("network");
  // The kernel has the level's rules before the level exists (I1).
  if (Status s = ApplyNetwork(*world.network, *order.applied, order.level); !s) return Propagate(s);
  step("channels");
  if (Status s = world.instances->Activate(order.applied, order.level); !s) return Propagate(s);
  step("domain");
  if (Status s = world.started->Set(order.level, FactsOf(*order.applied, *level)); !s) {
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
  Status unmarked = world.runs->Clear(level);
  Status forgotten = world.started->Clear(level);
  for (const Status* s : {&network, &devices, &instances, &unmarked, &forgotten}) {
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
