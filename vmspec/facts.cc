// SPDX-License-Identifier: GPL-2.0-or-later
/// The facts of everything but levels.
#include "vmspec/facts.h"

#include <algorithm>

#include "vmspec/base/sanitize.h"
#include "vmspec/fact_list.h"
#include "vmspec/scalars.h"

namespace bulkhead::vmspec {

namespace {

/// What arrives: only ciphertext, files that the lattice allows, or files against it.
constexpr std::uint64_t kFlowMeasures[] = {1, 0, 1, 2};

void AddUplink(const Uplink& uplink, FactList& list) {
  list.Begin("uplink", uplink.name, uplink.origin);
  list.Exists(Weight::kMember, std::string(NameOf(uplink.kind)) + " on " + uplink.interface +
                                   ", label " + uplink.label.ToString());
  list.Plain("kind", std::string(NameOf(uplink.kind)));
  list.Plain("interface", uplink.interface);
  list.Plain("vlan", uplink.vlan);
  list.Plain("label", uplink.label.ToString());
  list.Plain("ipsec.remote", uplink.ipsec.remote);
  list.Plain("ipsec.local-id", uplink.ipsec.local_id);
  list.Plain("ipsec.remote-id", uplink.ipsec.remote_id);
  list.Plain("ipsec.certificate", uplink.ipsec.certificate);
  list.At(uplink.routes_origin);
  list.Elements("routes-to", uplink.routes_to, Weight::kOpening);
}

void AddService(const Service& service, FactList& list) {
  list.Begin("service", service.name, service.origin);
  list.Exists(Weight::kOpening, service.from + " -> " + service.to + " " +
                                    std::string(NameOf(service.protocol)) + " " +
                                    PortsText(service.ports));
  list.Plain("from", service.from);
  list.Plain("to", service.to);
  list.Plain("protocol", std::string(NameOf(service.protocol)));
  std::vector<std::string> ports;
  for (const PortRange& range : service.ports) ports.push_back(PortsText({range}));
  list.AnyOf("ports", std::move(ports));
  list.Plain("comment", service.comment);
}

void AddFlow(const Flow& flow, FactList& list) {
  list.Begin("flow", flow.name, flow.origin);
  list.Exists(Weight::kOpening,
              std::string(NameOf(flow.kind)) + " " + flow.from + " -> " + flow.to);
  list.Plain("from", flow.from);
  list.Plain("to", flow.to);
  list.Measured("kind", std::string(NameOf(flow.kind)),
                kFlowMeasures[static_cast<std::size_t>(flow.kind)]);
  list.Measured("max-file", FormatSize(flow.max_file_bytes), flow.max_file_bytes);
  list.Measured("quota", FormatSize(flow.quota_bytes), flow.quota_bytes);
  list.Measured("max-files", std::to_string(flow.max_files), flow.max_files);
  list.Limit("files-per-hour", flow.files_per_hour);
  list.AnyOf("types", flow.types);
  list.Flag("confirm", flow.confirm, false);
  list.Plain("confirm-timeout", DurationText(flow.confirm_timeout_s));
  list.Measured("scanner", std::string(NameOf(flow.scanner)),
                flow.scanner == Scanner::kNone ? 1 : 0);
  list.Flag("re-render", flow.re_render, false);
  list.Elements("recipients", flow.recipients, Weight::kOpening);
  list.Plain("sign-with", flow.sign_with);
  list.AnyOf("decrypt-with", flow.decrypt_with);
  list.Plain("reason", flow.reason);
  list.Elements("approved-by", flow.approved_by, Weight::kMember);
}

void AddKeyring(const SpecSet& spec, FactList& list) {
  for (const auto& [name, recipient] : spec.recipients) {
    list.Begin("recipient", name, recipient.origin);
    list.Exists(Weight::kMember, "");
    list.Plain("certificate", recipient.certificate);
    list.Plain("key", recipient.key);
  }
  for (const auto& [name, key] : spec.keys) {
    list.Begin("key", name, key.origin);
    list.Exists(Weight::kMember, "");
    list.Plain("token", key.token);
    list.Plain("object", key.object);
    list.Plain("id", key.id);
  }
}

void AddDevice(const KnownDevice& device, FactList& list) {
  list.Begin("device", device.name, device.origin);
  list.Exists(Weight::kMember, "");
  for (DeviceClass c : device.classes) {
    list.Element("classes", std::string(NameOf(c)), Weight::kMember);
  }
  list.Plain("serial", device.serial);
  list.Plain("path", device.path);
  list.Plain("usb-id", device.usb_id);
  list.Flag("keeps-data", device.keeps_data);
  list.Plain("label", device.label ? device.label->ToString() : "");
}

void AddDeviceRule(const DeviceRule& rule, FactList& list) {
  list.Begin("device rules", rule.level, rule.origin);
  std::string text = rule.device_class == "*" ? "any device" : rule.device_class;
  if (!rule.path.empty()) text += " at " + JsonString(rule.path);
  if (!rule.serial.empty()) text += " with serial " + JsonString(rule.serial);
  if (!rule.usb_id.empty()) text += " with USB id " + JsonString(rule.usb_id);
  list.Element(rule.deny ? "deny" : "allow", std::move(text),
               rule.deny ? Weight::kClosing : Weight::kNarrowing,
               rule.comment.empty() ? "" : "# " + rule.comment);
}

void AddHost(const Host& host, FactList& list) {
  list.Begin("host", "", host.origin);
  list.Plain("acceleration.accel", std::string(NameOf(host.accel)));
  list.Flag("acceleration.allow-tcg", host.allow_tcg, true);
  list.Plain("guest.hello-timeout", DurationText(host.hello_timeout_s));
  list.Plain("addresses.ipv4", host.pool4.ToString());
  list.Plain("addresses.ipv6", host.pool6.ToString());
  list.At(host.limits_origin);
  list.Plain("limits.memory", host.limit_memory_mib);
  list.Plain("limits.vcpus", host.limit_vcpus);
  for (const auto& [name, role] : host.roles) {
    list.Begin("role", name, role.origin);
    list.Exists(Weight::kMember, "");
    list.Elements("groups", role.groups, Weight::kOpening);
    list.Elements("users", role.users, Weight::kOpening);
  }
}

}  // namespace

std::string Escaped(const std::vector<std::string>& words) {
  std::string out;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) out += ", ";
    for (char c : words[i]) out += (c == ',' || c == '\\' ? "\\" : "") + std::string(1, c);
  }
  return out;
}

std::string PortsText(const std::vector<PortRange>& ports) {
  std::string out;
  for (const PortRange& range : ports) {
    out += (out.empty() ? "" : ",") + std::to_string(range.first);
    if (range.last != range.first) out += "-" + std::to_string(range.last);
  }
  return out;
}

std::string DurationText(std::uint32_t seconds) {
  return seconds == 0 ? "never" : FormatDuration(seconds);
}

void FactList::AnyOf(std::string_view field, std::vector<std::string> items) {
  EachOf(field, std::move(items));
  all_.back().weight = Weight::kAnyOf;
  if (all_.back().items.empty()) all_.back().value = "any";
}

void FactList::EachOf(std::string_view field, std::vector<std::string> items) {
  std::ranges::sort(items);
  items.erase(std::unique(items.begin(), items.end()), items.end());
  Put(field, "", Weight::kEachOf, Escaped(items)).items = std::move(items);
}

std::vector<Fact> FactList::Take() {
  std::ranges::stable_sort(all_, {}, &Fact::key);
  std::size_t same = 1;
  for (std::size_t i = 1; i < all_.size(); ++i) {
    bool again = all_[i].key == all_[i - same].key;
    if (again) all_[i].key.element += " (" + std::to_string(same + 1) + ")";
    same = again ? same + 1 : 1;
  }
  std::ranges::stable_sort(all_, {}, &Fact::key);
  return std::move(all_);
}

std::vector<Fact> FactsOf(const SpecSet& spec) {
  FactList list;
  AddHost(spec.host, list);
  for (const auto& [name, level] : spec.levels) AddLevelFacts(level, list);
  for (const auto& [name, uplink] : spec.uplinks) AddUplink(uplink, list);
  for (const auto& [name, service] : spec.services) AddService(service, list);
  for (const auto& [name, flow] : spec.flows) AddFlow(flow, list);
  AddKeyring(spec, list);
  for (const auto& [name, device] : spec.devices) AddDevice(device, list);
  for (const DeviceRule& rule : spec.device_rules) AddDeviceRule(rule, list);
  return list.Take();
}

}  // namespace bulkhead::vmspec
