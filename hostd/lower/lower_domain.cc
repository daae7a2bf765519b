// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/lower/lower_domain.h"

#include <algorithm>
#include <cstdio>

#include "hostd/storage/state_disk.h"

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

void DescribeNetwork(const AppliedSpec& applied, const vmspec::Level& level, DomainSpec& domain) {
  if (level.network.uplink.empty()) return;
  auto link = netpolicy::LinkFor(applied.spec, level, domain.index);
  // The policy is compiled from the same numbers, and says what is wrong with them.
  if (link) domain.network = NetworkInterface{link->interface, MacText(link->mac)};
}

void DescribeResources(const vmspec::Level& level, DomainSpec& domain) {
  domain.vcpus = level.vcpus;
  domain.memory_mib = level.memory_mib;
  domain.memory_max_mib = level.memory_max_mib;
  domain.cpu_quota_percent = level.cpu_quota_percent;
  domain.cpu_weight = level.cpu_weight;
  // More than QEMU can count to is more than any disk gives.
  domain.io_read_bytes_per_s = std::min(level.io_read_bytes_per_s, kMaxIoBytesPerS);
  domain.io_write_bytes_per_s = std::min(level.io_write_bytes_per_s, kMaxIoBytesPerS);
  domain.hotplug_ports = kHotplugPorts;
}

void DescribeBoot(const Paths& paths, const vmspec::Level& level, const StartFacts& facts,
                  DomainSpec& domain) {
  domain.accel = facts.accel;
  if (facts.accel == Acceleration::kTcg) domain.tsc_khz = facts.tsc_khz;
  domain.kernel = facts.kernel;
  domain.initrd = facts.initrd;
  domain.cmdline = facts.cmdline;
  domain.image_version = facts.image_version;
  domain.created_unix_s = facts.created_unix_s;
  domain.root = {paths.ImageDir(level.image) + "/root.erofs", {}, true};
  domain.state = DiskImage{StateDiskPath(paths.LevelDir(level.name), KeepsState(level)), {}, true};
}

}  // namespace

std::string MacText(const netpolicy::MacAddress& mac) {
  char text[18];
  std::snprintf(text, sizeof text, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
                mac[4], mac[5]);
  return text;
}

bool KeepsState(const vmspec::Level& level) {
  return level.persistent && !level.life_cycle.disposable;
}

DomainSpec LowerDomain(const Paths& paths, const AppliedSpec& applied, const vmspec::Level& level,
                       const StartFacts& facts) {
  DomainSpec domain;
  domain.level = level.name;
  domain.index = applied.levels.at(level.name);
  domain.title = level.title;
  domain.uuid = level.uuid;
  domain.icon = level.icon;
  DescribeResources(level, domain);
  DescribeBoot(paths, level, facts, domain);
  DescribeChannels(paths, applied, domain);
  DescribeNetwork(applied, level, domain);
  return domain;
}

}  // namespace bulkhead::hostd
