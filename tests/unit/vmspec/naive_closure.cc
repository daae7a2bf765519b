// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/vmspec/naive_closure.h"

#include <algorithm>

namespace bulkhead::vmspec {

namespace {

bool Below(const Label& low, const Label& high) {
  bool all = low.rank <= high.rank;
  for (const std::string& compartment : low.compartments) {
    all = all && high.compartments.count(compartment) == 1;
  }
  return all;
}

bool Has(const std::vector<std::string>& list, const std::string& word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

/// Globs of the random sets end with their only star.
bool Glob(const std::string& glob, const std::string& path) {
  if (glob.empty() || glob.back() != '*') return glob == path;
  std::string head = glob.substr(0, glob.size() - 1);
  return path.substr(0, head.size()) == head && path.find('/', head.size()) == path.npos;
}

bool IsGlob(const std::string& path) { return !path.empty() && path.back() == '*'; }

bool IsOneNetwork(const Uplink& a, const Uplink& b) {
  bool one_ipsec = a.kind == UplinkKind::kIpsec || b.kind == UplinkKind::kIpsec;
  // The only VLAN of the random sets is 7, the only gateway gw.example.org.
  auto wire = [](const Uplink& u) {
    bool tagged = u.vlan == 0 && u.interface == "eth0.7";
    return tagged ? std::pair<std::string, int>("eth0", 7) : std::pair(u.interface, int{u.vlan});
  };
  if (!one_ipsec) return wire(a) == wire(b);
  return a.kind == b.kind && !a.ipsec.remote.empty() && !b.ipsec.remote.empty();
}

/// Its path tells nothing: it may be plugged in elsewhere.
bool PathTellsNothing(const KnownDevice& d) {
  bool movable = d.classes.count(DeviceClass::kStorage) + d.classes.count(DeviceClass::kUsb) > 0;
  return d.path.empty() || (movable && d.path.rfind("/dev/disk/by-id/", 0) != 0);
}

/// No device that goes by this description escapes the rule.
bool Always(const DeviceRule& rule, const KnownDevice* d) {
  if (d == nullptr) return rule.serial.empty() && rule.path.empty() && rule.usb_id.empty();
  bool path = rule.path.empty() ||
              (!PathTellsNothing(*d) &&
               (rule.path == d->path || (!IsGlob(d->path) && Glob(rule.path, d->path))));
  return (rule.serial.empty() || rule.serial == d->serial) &&
         (rule.usb_id.empty() || rule.usb_id == d->usb_id) && path;
}

bool Sometimes(const DeviceRule& rule, const KnownDevice& d) {
  bool node = !PathTellsNothing(d) && !IsGlob(d.path) && d.path.rfind('/') == 4;
  bool path = rule.path.empty() || !node || Glob(rule.path, d.path);
  return (rule.serial.empty() || d.serial.empty() || rule.serial == d.serial) &&
         (rule.usb_id.empty() || d.usb_id.empty() || rule.usb_id == d.usb_id) && path;
}

}  // namespace

NaiveClosure::NaiveClosure(const SpecSet& spec) : spec_(spec) {
  AddNodes();
  clear_.assign(nodes_.size(), std::vector<bool>(nodes_.size()));
  any_ = clear_;
  AddFlows();
  AddNetworks();
  AddDevices();
  AddTokens();
  AddClipboards();
}

std::size_t NaiveClosure::Id(const std::string& name) const { return ids_.at(name); }

void NaiveClosure::AddNode(const std::string& name, const std::optional<Label>& label, bool holds) {
  if (ids_.emplace(name, nodes_.size()).second) nodes_.push_back({name, label, holds});
}

void NaiveClosure::Edge(const std::string& kind, const std::string& from, const std::string& to) {
  if (ids_.count(from) == 0 || ids_.count(to) == 0 || from == to) return;
  edges_.insert(kind + " " + from + " " + to);
  any_[Id(from)][Id(to)] = true;
  if (kind != "encrypt" && kind != "downgrade") clear_[Id(from)][Id(to)] = true;
}

void NaiveClosure::BothWays(const std::string& kind, const std::string& a, const std::string& b) {
  Edge(kind, a, b);
  Edge(kind, b, a);
}

void NaiveClosure::AddNodes() {
  for (const auto& [name, level] : spec_.levels) {
    AddNode("level:" + name, level.label, true);
    AddNode("clipboard:" + name, {}, true);
  }
  for (const auto& [name, uplink] : spec_.uplinks) AddNode("uplink:" + name, uplink.label, true);
  for (const auto& [name, key] : spec_.keys) AddNode("token:" + key.token, {}, true);
  for (const auto& [name, d] : spec_.devices) {
    bool holds = d.keeps_data || d.classes.count(DeviceClass::kStorage) == 1 ||
                 d.classes.count(DeviceClass::kUsb) == 1;
    AddNode("device:" + name, d.label, holds);
  }
  for (std::string_view c : kDeviceClassNames) {
    AddNode("pool:" + std::string(c), {}, c == "storage" || c == "usb");
  }
}

void NaiveClosure::AddFlows() {
  for (const auto& [name, f] : spec_.flows) {
    std::string from = "level:" + f.from;
    std::string to = "level:" + f.to;
    if (from == to) continue;
    if (f.kind == FlowKind::kTransfer) Edge("transfer", from, to);
    if (f.kind == FlowKind::kDowngrade) Edge("downgrade", from, to);
    if (f.kind == FlowKind::kDecrypt) {
      Edge("decrypt", from, to);
      std::set<std::string> keys(f.decrypt_with.begin(), f.decrypt_with.end());
      openers_.push_back({Id(from), Id(to), WithAliases(keys), f.decrypt_with.empty()});
    }
    if (f.kind != FlowKind::kEncrypt) continue;
    Edge("encrypt", from, to);
    std::set<std::string> keys;
    for (const auto& [a, recipient] : spec_.recipients) {
      for (const auto& [b, other] : spec_.recipients) {
        bool same = a == b || recipient.certificate == other.certificate;
        if (Has(f.recipients, a) && same && !other.key.empty()) keys.insert(other.key);
      }
    }
    sealers_.push_back({Id(from), Id(to), WithAliases(keys)});
  }
}

void NaiveClosure::AddNetworks() {
  for (const auto& [name, s] : spec_.services) {
    BothWays("service", "level:" + s.from, "level:" + s.to);
  }
  for (const auto& [name, level] : spec_.levels) {
    if (level.network.allow.empty()) continue;
    Edge("uplink-out", "level:" + name, "uplink:" + level.network.uplink);
    Edge("uplink-in", "uplink:" + level.network.uplink, "level:" + name);
  }
  for (const auto& [a, one] : spec_.uplinks) {
    for (const std::string& other : one.routes_to) {
      BothWays("route", "uplink:" + a, "uplink:" + other);
    }
  }
  for (const auto& [b, two] : spec_.uplinks) {
    for (const auto& [a, one] : spec_.uplinks) {
      if (a == b || !IsOneNetwork(one, two)) continue;
      BothWays("same-network", "uplink:" + a, "uplink:" + b);
      break;  // the first of a network stands for it
    }
  }
}

bool NaiveClosure::MayTouch(const Level& level, DeviceClass c, const KnownDevice* device) const {
  const DevicePolicy& policy = level.devices[static_cast<std::size_t>(c)];
  if (policy.mode == GrantMode::kNone) return false;
  bool marked = c == DeviceClass::kStorage && policy.marked_only;
  if (marked && (device == nullptr || !device->label || *device->label != level.label)) {
    return false;
  }
  bool ids = c == DeviceClass::kUsb && !policy.usb_ids.empty() && device != nullptr;
  if (ids && !device->usb_id.empty() && !Has(policy.usb_ids, device->usb_id)) return false;
  bool spoken = false;
  bool allowed = false;
  for (const DeviceRule& rule : spec_.device_rules) {
    if (rule.level != "*" && rule.level != level.name) continue;
    if (rule.device_class != "*" && rule.device_class != kDeviceClassNames[static_cast<int>(c)]) {
      continue;
    }
    if (rule.deny && Always(rule, device)) return false;
    if (rule.deny) continue;
    spoken = true;
    if (device != nullptr) {
      allowed = allowed || Sometimes(rule, *device);
      continue;
    }
    bool names_known = false;
    for (const auto& [name, d] : spec_.devices) {
      bool known = !d.serial.empty() && rule.serial == d.serial && d.classes.count(c) == 1 &&
                   (d.usb_id.empty() || d.usb_id == rule.usb_id) &&
                   (PathTellsNothing(d) || d.path == rule.path);
      names_known = names_known || known;
    }
    allowed = allowed || !names_known;
  }
  return allowed || !spoken;
}

void NaiveClosure::AddDeviceEdges(const Level& level, DeviceClass c, const std::string& device) {
  const DevicePolicy& policy = level.devices[static_cast<std::size_t>(c)];
  bool storage = c == DeviceClass::kStorage;
  bool usb = c == DeviceClass::kUsb;
  bool out =
      (storage && policy.write) || usb || c == DeviceClass::kSound || c == DeviceClass::kPrinter;
  bool in = storage || usb || c == DeviceClass::kMicrophone || c == DeviceClass::kCamera ||
            c == DeviceClass::kScanner;
  if (out) Edge("device-out", "level:" + level.name, device);
  if (in) Edge("device-in", device, "level:" + level.name);
}

void NaiveClosure::AddDevices() {
  for (const auto& [level_name, level] : spec_.levels) {
    for (std::size_t c = 0; c < kDeviceClassNames.size(); ++c) {
      auto device_class = static_cast<DeviceClass>(c);
      if (MayTouch(level, device_class, nullptr)) {
        AddDeviceEdges(level, device_class, "pool:" + std::string(kDeviceClassNames[c]));
      }
      for (const auto& [name, device] : spec_.devices) {
        bool is = device.classes.count(device_class) == 1;
        if (is && MayTouch(level, device_class, &device)) {
          AddDeviceEdges(level, device_class, "device:" + name);
        }
      }
    }
  }
}

void NaiveClosure::AddTokens() {
  for (const auto& [name, level] : spec_.levels) {
    for (const KeyUse& use : level.keys) {
      if (spec_.keys.count(use.key) == 0) continue;
      std::string token = "token:" + spec_.keys.at(use.key).token;
      bool opens =
          use.operations.count(KeyOperation::kDecrypt) == 1 ||
          use.operations.count(KeyOperation::kUnwrap) == 1 ||
          use.operations.count(KeyOperation::kDerive) == 1 ||
          (use.operations.count(KeyOperation::kSign) == 1 && Has(use.mechanisms, "RSA-X-509"));
      if (use.operations.count(KeyOperation::kWriteData) == 1) {
        Edge("token-out", "level:" + name, token);
      }
      if (use.operations.count(KeyOperation::kReadData) == 1) {
        Edge("token-in", token, "level:" + name);
      }
      if (!opens) continue;
      edges_.insert("open level:" + name + " level:" + name);
      openers_.push_back({Id("level:" + name), Id("level:" + name), WithAliases({use.key}), false});
    }
  }
}

void NaiveClosure::AddClipboards() {
  for (const auto& [a, one] : spec_.levels) {
    if (!one.display.clipboard_out.empty()) Edge("clipboard-out", "level:" + a, "clipboard:" + a);
    for (const auto& [b, two] : spec_.levels) {
      if (Has(one.display.clipboard_out, b) && Has(two.display.clipboard_in, a) && a != b) {
        Edge("clipboard-in", "clipboard:" + a, "level:" + b);
      }
    }
  }
}

bool NaiveClosure::IsOneKey(const std::string& a, const std::string& b) const {
  for (const auto& [name, one] : spec_.recipients) {
    for (const auto& [other_name, two] : spec_.recipients) {
      if (one.certificate == two.certificate && one.key == a && two.key == b) return true;
    }
  }
  const Key& x = spec_.keys.at(a);
  const Key& y = spec_.keys.at(b);
  if (x.token != y.token) return false;
  if (!x.id.empty() && x.id == y.id) return true;
  return x.object == y.object && (x.id.empty() || y.id.empty());
}

std::set<std::string> NaiveClosure::WithAliases(const std::set<std::string>& keys) const {
  std::set<std::string> out;
  for (const std::string& key : keys) {
    if (spec_.keys.count(key) == 1) out.insert(key);
  }
  for (bool grown = true; grown;) {
    grown = false;
    for (const auto& [name, key] : spec_.keys) {
      bool same = std::any_of(out.begin(), out.end(),
                              [&, &other = name](const auto& a) { return IsOneKey(a, other); });
      if (same && out.insert(name).second) grown = true;
    }
  }
  return out;
}

bool NaiveClosure::Opens(const Opener& opener, const Sealer& sealer) {
  if (opener.any) return !sealer.keys.empty();
  return std::any_of(opener.keys.begin(), opener.keys.end(),
                     [&](const auto& key) { return sealer.keys.count(key) == 1; });
}

/// Floyd and Warshall; a way leads through a node that holds and, with `labels_stop`, has no label.
NaiveClosure::Matrix NaiveClosure::Closed(Matrix reach, bool labels_stop) const {
  for (std::size_t k = 0; k < nodes_.size(); ++k) {
    if (!nodes_[k].holds || (labels_stop && nodes_[k].label)) continue;
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      if (!reach[i][k]) continue;
      for (std::size_t j = 0; j < nodes_.size(); ++j) reach[i][j] = reach[i][j] || reach[k][j];
    }
  }
  return reach;
}

std::set<std::string> NaiveClosure::Hops() const {
  std::set<std::string> out;
  Matrix clear = Closed(clear_, true);
  for (std::size_t a = 0; a < nodes_.size(); ++a) {
    for (std::size_t b = 0; b < nodes_.size(); ++b) {
      if (!clear[a][b] || !nodes_[a].label || !nodes_[b].label) continue;
      if (!Below(*nodes_[a].label, *nodes_[b].label)) {
        out.insert(nodes_[a].name + " -> " + nodes_[b].name);
      }
    }
  }
  Matrix any = Closed(any_, false);
  for (const Sealer& sealer : sealers_) {
    for (const Opener& opener : openers_) {
      bool there = sealer.to == opener.at || any[sealer.to][opener.at];
      if (!there || !Opens(opener, sealer)) continue;
      if (!Below(*nodes_[sealer.from].label, *nodes_[opener.to].label)) {
        out.insert(nodes_[sealer.from].name + " -> " + nodes_[opener.to].name + " opened");
      }
    }
  }
  return out;
}

bool NaiveClosure::LeaksSomewhere() const {
  Matrix any = Closed(any_, false);
  Matrix clear = clear_;
  for (const Sealer& sealer : sealers_) {
    for (const Opener& opener : openers_) {
      bool there = sealer.to == opener.at || any[sealer.to][opener.at];
      if (there && Opens(opener, sealer)) clear[sealer.from][opener.to] = true;
    }
  }
  clear = Closed(clear, false);
  for (std::size_t a = 0; a < nodes_.size(); ++a) {
    for (std::size_t b = 0; b < nodes_.size(); ++b) {
      bool both = nodes_[a].label && nodes_[b].label;
      if (both && clear[a][b] && !Below(*nodes_[a].label, *nodes_[b].label)) return true;
    }
  }
  return false;
}

bool NaiveClosure::SomethingReaches(const std::string& a, const std::string& b) const {
  return Closed(any_, false)[Id(a)][Id(b)];
}

}  // namespace bulkhead::vmspec
