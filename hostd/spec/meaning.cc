// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/spec/meaning.h"

#include <algorithm>
#include <concepts>
#include <optional>

#include "hostd/roles/access.h"
#include "vmspec/base/codec.h"

namespace bulkhead::hostd {

namespace {

/// Each structure of the model is taken apart by name: one that gets a field does not compile here
/// until somebody has thought about it.
class Ink {
 public:
  template <typename... Values>
  Ink& operator()(const Values&... values) {
    (Add(values), ...);
    return *this;
  }
  [[nodiscard]] std::string Take() {
    const Bytes& bytes = out_.bytes();
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

 private:
  template <typename T>
    requires std::integral<T> || std::is_enum_v<T>
  void Add(T value) {
    out_.U64(static_cast<std::uint64_t>(value));
  }
  void Add(const std::string& text) { out_.Str(text); }
  template <typename List>
    requires requires(const List& l) { l.begin(), l.size(); } && (!std::same_as<List, std::string>)
  void Add(const List& list) {
    out_.U64(list.size());
    for (const auto& one : list) Add(one);
  }
  template <typename T>
  void Add(const std::optional<T>& value) {
    Add(value.has_value());
    if (value) Add(*value);
  }
  void Add(const vmspec::Origin&) {}
  void Add(const vmspec::Label& v) {
    const auto& [rank, compartments] = v;
    (*this)(rank, compartments);
  }
  void Add(const vmspec::Prefix& v) {
    const auto& [v6, address, length] = v;
    (*this)(v6, address, length);
  }
  void Add(const vmspec::PortRange& v) {
    const auto& [first, last] = v;
    (*this)(first, last);
  }
  void Add(const vmspec::NetRule& v) {
    const auto& [protocol, to, to_name, ports, until, comment, origin] = v;
    (*this)(protocol, to, to_name, ports, until, origin);
    (void)comment;
  }
  void Add(const vmspec::LevelNetwork& v) {
    const auto& [uplink, allow, deny, address4, address6, dns, out, in, origin] = v;
    (*this)(uplink, allow, deny, address4, address6, dns, out, in, origin);
  }
  void Add(const vmspec::DevicePolicy& v) {
    const auto& [mode, write, marked, limit, pages, banner, parties, ids, origin] = v;
    (*this)(mode, write, marked, limit, pages, banner, parties, ids, origin);
  }
  void Add(const vmspec::ImagePolicy& v) {
    const auto& [digest, signed_by, boot, secure_boot, kernel] = v;
    (*this)(digest, signed_by, boot, secure_boot, kernel);
  }
  void Add(const vmspec::KeyUse& v) {
    const auto& [key, operations, mechanisms, confirm, per_minute, origin] = v;
    (*this)(key, operations, mechanisms, confirm, per_minute, origin);
  }
  void Add(const vmspec::Display& v) {
    const auto& [three_d, screens, border, out, in, out_origin, in_origin] = v;
    (*this)(three_d, screens, border, out, in, out_origin, in_origin);
  }
  void Add(const vmspec::LifeCycle& v) {
    const auto& [order, idle, disposable, preload, on_crash] = v;
    (*this)(order, idle, disposable, preload, on_crash);
  }
  void Add(const vmspec::Updates& v) {
    const auto& [channel, start, end, gate, automatic] = v;
    (*this)(channel, start, end, gate, automatic);
  }
  void Add(const vmspec::FlatpakRemote& v) {
    const auto& [name, url, origin] = v;
    (*this)(name, url, origin);
  }
  void Add(const vmspec::FlatpakOverride& v) {
    const auto& [application, arguments, origin] = v;
    (*this)(application, arguments, origin);
  }
  void Add(const vmspec::Applications& v) {
    const auto& [remotes, install, overrides] = v;
    (*this)(remotes, install, overrides);
  }
  void Add(const vmspec::LevelRoles& v) {
    const auto& [start, stop, edit] = v;
    (*this)(start, stop, edit);
  }
  void Add(const vmspec::Level& v) {
    const auto& [name, title, uuid, label, colour, icon, image, image_policy, vcpus, memory,
                 memory_max, quota, cpu_weight, io_weight, io_read, io_write, persistent, state,
                 encryption, snapshots, autostart, network, devices, display, keys, life_cycle,
                 updates, applications, roles, origin, label_origin] = v;
    (*this)(name, title, uuid, label, colour, icon, image, image_policy, vcpus, memory, memory_max,
            quota, cpu_weight, io_weight, io_read, io_write, persistent, state, encryption,
            snapshots, autostart, network, devices, display, keys, life_cycle, updates,
            applications, roles, origin, label_origin);
  }
  void Add(const vmspec::IpsecPeer& v) {
    const auto& [remote, local_id, remote_id, certificate] = v;
    (*this)(remote, local_id, remote_id, certificate);
  }
  void Add(const vmspec::Uplink& v) {
    const auto& [name, kind, interface, vlan, label, routes, ipsec, origin, routes_origin] = v;
    (*this)(name, kind, interface, vlan, label, routes, ipsec, origin, routes_origin);
  }
  void Add(const vmspec::Service& v) {
    const auto& [name, from, to, protocol, ports, comment, origin] = v;
    (*this)(name, from, to, protocol, ports, origin);
    (void)comment;
  }
  void Add(const vmspec::Flow& v) {
    const auto& [name, from, to, kind, max_file, quota, files, per_hour, types, confirm, timeout,
                 scanner, re_render, recipients, sign_with, decrypt_with, reason, approved_by,
                 origin] = v;
    (*this)(name, from, to, kind, max_file, quota, files, per_hour, types, confirm, timeout,
            scanner, re_render, recipients, sign_with, decrypt_with, reason, approved_by, origin);
  }
  void Add(const vmspec::Key& v) {
    const auto& [name, token, object, id, origin] = v;
    (*this)(name, token, object, id, origin);
  }
  void Add(const vmspec::DeviceRule& v) {
    const auto& [deny, level, device_class, path, serial, usb_id, comment, origin] = v;
    (*this)(deny, level, device_class, path, serial, usb_id, origin);
    (void)comment;
  }
  void Add(const vmspec::HostRole& v) {
    const auto& [name, groups, users, origin] = v;
    (*this)(name, groups, users, origin);
  }
  Writer out_;
};

/// Who can become editor of a level by being given a role is named by the level: changing the role
/// is changing the level.
void AddRoles(const vmspec::SpecSet& spec, const vmspec::Level& level, Ink& ink) {
  for (const auto* list : {&level.roles.start, &level.roles.stop, &level.roles.edit}) {
    for (const std::string& name : *list) {
      auto role = spec.host.roles.find(name);
      if (role != spec.host.roles.end()) ink(role->second);
    }
  }
}

void AddNamed(const vmspec::SpecSet& spec, const vmspec::Level& level, Ink& ink) {
  auto uplink = spec.uplinks.find(level.network.uplink);
  if (uplink != spec.uplinks.end()) ink(uplink->second);
  for (const vmspec::KeyUse& use : level.keys) {
    auto key = spec.keys.find(use.key);
    if (key != spec.keys.end()) ink(key->second);
  }
  AddRoles(spec, level, ink);
}

template <typename Relation>
void AddToEnds(std::map<std::string, Ink>& inks, const std::map<std::string, Relation>& all) {
  for (const auto& [name, relation] : all) {
    for (const std::string& end : {relation.from, relation.to}) {
      auto ink = inks.find(end);
      if (ink != inks.end()) ink->second(relation);
    }
  }
}

}  // namespace

std::map<std::string, std::string> MeaningOfLevels(const vmspec::SpecSet& spec) {
  std::map<std::string, Ink> inks;
  for (const auto& [name, level] : spec.levels) {
    inks[name](level);
    AddNamed(spec, level, inks[name]);
  }
  AddToEnds(inks, spec.flows);
  AddToEnds(inks, spec.services);
  Ink for_all;
  for (const vmspec::DeviceRule& rule : spec.device_rules) {
    if (rule.level == "*") for_all(rule);
    auto ink = inks.find(rule.level);
    if (ink != inks.end()) ink->second(rule);
  }
  std::string rules = for_all.Take();
  std::map<std::string, std::string> meanings;
  for (auto& [name, ink] : inks) meanings[name] = ink.Take() + rules;
  return meanings;
}

std::set<std::string> TouchedLevels(const vmspec::SpecSet& now, const vmspec::SpecSet& next) {
  std::map<std::string, std::string> was = MeaningOfLevels(now);
  std::map<std::string, std::string> is = MeaningOfLevels(next);
  std::set<std::string> touched;
  for (const auto& [name, meaning] : was) {
    auto still = is.find(name);
    if (still == is.end() || still->second != meaning) touched.insert(name);
  }
  for (const auto& [name, meaning] : is) {
    if (!was.contains(name)) touched.insert(name);
  }
  return touched;
}

Status MayEdit(const vmspec::SpecSet& now, const vmspec::SpecSet& next, const Caller& caller) {
  static const std::vector<std::string> kOfNewLevels = {"admin"};
  for (const std::string& name : TouchedLevels(now, next)) {
    auto level = now.levels.find(name);
    const auto& editors = level == now.levels.end() ? kOfNewLevels : level->second.roles.edit;
    auto mine = [&](const std::string& role) { return caller.roles.contains(role); };
    if (std::ranges::any_of(editors, mine)) continue;
    std::set<std::string> who(editors.begin(), editors.end());
    return Fail(ErrorCode::kRefused, "the set changes level " + name + ", which takes " +
                                         SayRoles(who) + "; " + caller.actor + " has " +
                                         SayRoles(caller.roles));
  }
  return {};
}

}  // namespace bulkhead::hostd
