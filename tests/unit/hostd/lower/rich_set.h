// SPDX-License-Identifier: GPL-2.0-or-later
/// A spec set that says something of everything the model has, as a checker would have passed it.
#pragma once

#include <string>

#include "vmspec/model.h"

namespace bulkhead::hostd {

namespace rich {

using namespace vmspec;

inline Origin At(const std::string& file, std::uint32_t line) { return {file, line, 1, 1}; }

inline NetRule To(Protocol protocol, const char* to, std::vector<PortRange> ports,
                  std::uint32_t line, std::int64_t until = 0) {
  return {.protocol = protocol,
          .to = *ParsePrefix(to),
          .ports = std::move(ports),
          .until_unix_s = until,
          .comment = "why, in words: \"quoted\" & <marked>",
          .origin = At("levels/low.toml", line)};
}

inline LevelNetwork Network() {
  LevelNetwork n;
  n.uplink = "office";
  n.allow = {To(Protocol::kTcp, "203.0.113.0/24", {{80, 80}, {8000, 8010}}, 30),
             To(Protocol::kUdp, "2001:db8::53", {{53, 53}}, 31),
             To(Protocol::kIcmp, "203.0.113.1", {}, 32),
             To(Protocol::kAny, "198.51.100.0/24", {}, 33, 1'800'000'000),
             To(Protocol::kTcp, "198.51.100.9", {{22, 22}}, 34, 1'700'000'000)};
  n.deny = {To(Protocol::kAny, "203.0.113.128/25", {}, 36),
            To(Protocol::kUdp, "198.51.100.0/24", {{53, 53}, {5353, 5353}}, 37)};
  n.address4 = ParsePrefix("192.0.2.6");
  n.address6 = ParsePrefix("2001:db8:77::6");
  n.out_bits_per_s = 10'000'000;
  n.in_bits_per_s = 50'000'000;
  n.origin = At("levels/low.toml", 28);
  return n;
}

inline Level Low() {
  Level l;
  l.name = "low";
  l.title = "Öffentlich <&\"'> ]]>";
  l.uuid = "0c0ffee0-1111-4222-8333-444455556666";
  l.label = {.rank = 0, .compartments = {"press"}};
  l.icon = "network-workgroup-symbolic";
  l.image = "debian-13";
  l.vcpus = 4;
  l.memory_mib = 1024;
  l.memory_max_mib = 4096;
  l.cpu_quota_percent = 50;
  l.cpu_weight = 300;
  l.io_weight = 700;
  l.io_read_bytes_per_s = 100ULL << 20;
  l.io_write_bytes_per_s = 20ULL << 20;
  l.state_mib = 4096;
  l.network = Network();
  l.origin = At("levels/low.toml", 1);
  auto device = [&](DeviceClass c, std::uint32_t line) -> DevicePolicy& {
    l.Device(c).origin = At("levels/low.toml", line);
    return l.Device(c);
  };
  device(DeviceClass::kStorage, 50) = {.mode = GrantMode::kAutomatic,
                                       .write = true,
                                       .marked_only = true,
                                       .origin = At("levels/low.toml", 50)};
  device(DeviceClass::kSound, 51).mode = GrantMode::kRequired;
  device(DeviceClass::kMicrophone, 52).mode = GrantMode::kAsk;
  l.Device(DeviceClass::kMicrophone).time_limit_s = 600;
  device(DeviceClass::kFido, 53).mode = GrantMode::kManual;
  l.Device(DeviceClass::kFido).relying_parties = {"login.example.org"};
  device(DeviceClass::kPrinter, 54).mode = GrantMode::kManual;
  l.Device(DeviceClass::kPrinter).max_pages = 40;
  l.Device(DeviceClass::kPrinter).banner = true;
  device(DeviceClass::kUsb, 55).mode = GrantMode::kManual;
  l.Device(DeviceClass::kUsb).usb_ids = {"1d6b:0104"};
  return l;
}

inline Level Mid() {
  Level l;
  l.name = "mid-with-a-name-of-31-characters";
  l.name.resize(31, 'x');
  l.title = "Middle";
  l.label = {.rank = 1, .compartments = {"press"}};
  l.image = "minimal";
  l.vcpus = 64;
  l.network.uplink = "branch";
  l.network.allow = {To(Protocol::kAny, "0.0.0.0/0", {}, 12), To(Protocol::kAny, "::/0", {}, 13)};
  l.persistent = false;
  return l;
}

inline Level High() {
  Level l;
  l.name = "high";
  l.title = "Restricted";
  l.label = {.rank = 2, .compartments = {"press"}};
  l.image = "minimal";
  l.life_cycle.disposable = true;
  l.Device(DeviceClass::kStorage).mode = GrantMode::kManual;
  l.Device(DeviceClass::kStorage).origin = At("levels/high.toml", 9);
  return l;
}

inline Flow Between(const std::string& name, const std::string& from, const std::string& to,
                    FlowKind kind, std::uint32_t line) {
  Flow f;
  f.name = name;
  f.from = from;
  f.to = to;
  f.kind = kind;
  f.origin = At("flows.toml", line);
  return f;
}

inline DeviceRule Rule(bool deny, const std::string& level, const std::string& device_class,
                       std::uint32_t line) {
  return {.deny = deny,
          .level = level,
          .device_class = device_class,
          .origin = At("devices.toml", line)};
}

}  // namespace rich

inline vmspec::SpecSet RichSet() {
  using namespace rich;
  SpecSet spec;
  spec.host.accel = Accel::kTcg;
  spec.host.pool4 = *ParsePrefix("10.77.0.0/16");
  spec.host.pool6 = *ParsePrefix("fd77::/64");
  for (const Level& level : {Low(), Mid(), High()}) spec.levels[level.name] = level;
  std::string mid = Mid().name;
  spec.uplinks["office"] = {.name = "office", .kind = UplinkKind::kNat, .interface = "eth0"};
  spec.uplinks["branch"] = {.name = "branch", .kind = UplinkKind::kRouted, .interface = "eth1"};

  Flow up = Between("up", "low", "high", FlowKind::kTransfer, 4);
  up.max_file_bytes = 1;
  up.quota_bytes = 1ULL << 50;
  up.max_files = 1'000'000;
  up.files_per_hour = 20;
  up.types = {"image/*", "text/plain"};
  up.confirm = true;
  up.scanner = Scanner::kClamav;
  up.re_render = true;
  Flow seal = Between("seal", "high", "low", FlowKind::kEncrypt, 12);
  seal.recipients = {"partner"};
  seal.sign_with = "office-key";
  Flow open = Between("open", "low", mid, FlowKind::kDecrypt, 20);
  open.decrypt_with = {"office-key"};
  Flow release = Between("release", "high", mid, FlowKind::kDowngrade, 30);
  for (const Flow& flow : {up, seal, open, release}) spec.flows[flow.name] = flow;

  DeviceRule serial = Rule(true, "*", "storage", 4);
  serial.serial = "4C53\\0001";
  serial.comment = "the stick with last year's archive";
  DeviceRule loops = Rule(false, "high", "*", 9);
  loops.path = "/dev/loop*";
  DeviceRule gadget = Rule(true, "low", "usb", 14);
  gadget.usb_id = "1d6b:0104";
  spec.device_rules = {loops, serial, gadget, Rule(true, mid, "*", 18)};
  spec.devices["archive"] = {
      .name = "archive", .classes = {DeviceClass::kStorage}, .serial = "4C53\\0001"};
  spec.devices["office-printer"] = {.name = "office-printer",
                                    .classes = {DeviceClass::kPrinter, DeviceClass::kScanner},
                                    .serial = "HP1",
                                    .keeps_data = true};
  return spec;
}

}  // namespace bulkhead::hostd
