// SPDX-License-Identifier: GPL-2.0-or-later
/// Small random spec sets in which every field that carries information comes up.
#pragma once

#include <random>
#include <string>
#include <vector>

#include "tests/unit/vmspec/flow_sets.h"

namespace bulkhead::vmspec {

class RandomSet {
 public:
  explicit RandomSet(std::uint32_t seed) : random_(seed) {
    int levels = 2 + Upto(4);
    for (int i = 0; i < levels; ++i) AddLevel("l" + std::to_string(i));
    Repeat(3, [&] { AddUplink(); });
    Repeat(4, [&] { AddKey(); });
    Repeat(4, [&] { AddFlow(); });
    if (One(4)) set_.AddService(AnyLevel(), AnyLevel());
    Repeat(2, [&] { set_.Paste(AnyLevel(), AnyLevel()); });
    Repeat(3, [&] { AddDevice(); });
    Repeat(4, [&] { AddRule(); });
    for (const std::string& level : levels_) Furnish(level);
  }
  [[nodiscard]] const SpecSet& spec() const { return set_.spec; }
  [[nodiscard]] const SetMaker& set() const { return set_; }

 private:
  /// 0..n
  int Upto(int n) { return std::uniform_int_distribution<int>(0, n)(random_); }
  bool One(int in) { return Upto(in - 1) == 0; }
  template <typename What>
  void Repeat(int most, What what) {
    for (int i = Upto(most); i > 0; --i) what();
  }
  template <typename T>
  const T& Any(const std::vector<T>& all) {
    return all[static_cast<std::size_t>(Upto(static_cast<int>(all.size()) - 1))];
  }
  std::string AnyLevel() { return Any(levels_); }
  std::string AnyKey() { return keys_.empty() ? "none" : Any(keys_); }
  DeviceClass AnyClass() { return static_cast<DeviceClass>(Upto(8)); }

  /// Often the same few, so that much is allowed as well.
  Label AnyLabel() {
    Label label{Upto(2), {}};
    if (One(4)) label.compartments.insert("x");
    if (One(5)) label.compartments.insert("y");
    return label;
  }
  void AddLevel(const std::string& name) {
    Label label = AnyLabel();
    set_.AddLevel(name, label.rank, label.compartments);
    levels_.push_back(name);
  }
  void AddUplink() {
    std::string name = "u" + std::to_string(uplinks_.size());
    Uplink& uplink = set_.AddUplink(name, 0, Any<std::string>({"eth0", "eth1", "eth0.7"}));
    uplink.label = AnyLabel();
    if (One(3)) uplink.vlan = 7;
    if (One(4)) {
      uplink.kind = UplinkKind::kIpsec;
      uplink.ipsec.remote = Any<std::string>({"", "gw.example.org", "GW.example.org"});
    }
    uplinks_.push_back(name);
    if (One(3)) uplink.routes_to = {Any(uplinks_)};
  }
  void AddKey() {
    std::string name = "k" + std::to_string(keys_.size());
    set_.AddKey(name);
    Key& key = set_.spec.keys.at(name);
    key.token = One(2) ? "t0" : "t1";
    key.object = One(2) ? "o0" : "o1";
    key.id = One(2) ? "" : One(2) ? "01" : "02";
    Recipient& recipient = set_.spec.recipients.at(name);
    recipient.certificate = One(2) ? "c0" : name;
    if (One(3)) recipient.key.clear();
    keys_.push_back(name);
  }
  void AddFlow() {
    Flow& flow = set_.AddFlow(static_cast<FlowKind>(Upto(3)), AnyLevel(), AnyLevel());
    if (flow.kind == FlowKind::kEncrypt) {
      flow.recipients = {AnyKey()};
      if (One(3)) flow.recipients.push_back(AnyKey());
    }
    if (flow.kind == FlowKind::kDecrypt && !One(3)) flow.decrypt_with = {AnyKey()};
  }
  std::string AnyPath() {
    return Any<std::string>(
        {"", "", "/dev/sda", "/dev/sd*", "/dev/s*", "/dev/vda", "/dev/disk/by-id/x"});
  }
  void AddDevice() {
    std::string name = "d" + std::to_string(set_.spec.devices.size());
    KnownDevice& device = set_.AddDevice(name, {AnyClass()});
    if (One(2)) device.classes.insert(AnyClass());
    if (One(4)) device.serial.clear();
    device.path = AnyPath();
    if (One(3)) device.usb_id = One(2) ? "1111:1111" : "2222:2222";
    device.keeps_data = One(2);
    if (One(3)) device.label = AnyLabel();
  }
  void AddRule() {
    std::string level = One(3) ? "*" : AnyLevel();
    DeviceRule& rule = set_.AddRule(One(2), level, One(3) ? "*" : std::string(NameOf(AnyClass())));
    if (One(2)) rule.serial = "d" + std::to_string(Upto(3));
    if (One(3)) rule.path = AnyPath();
    if (One(4)) rule.usb_id = One(2) ? "1111:1111" : "2222:2222";
  }
  void Furnish(const std::string& level) {
    if (!uplinks_.empty() && One(2)) set_.Attach(level, Any(uplinks_), !One(4));
    if (!keys_.empty() && One(3)) {
      set_.Use(level, AnyKey(),
               {static_cast<KeyOperation>(Upto(8)), static_cast<KeyOperation>(Upto(8))});
      if (One(3)) set_.spec.levels.at(level).keys.back().mechanisms = {"RSA-X-509"};
    }
    Repeat(2, [&] {
      DevicePolicy& policy = set_.Lend(level, AnyClass(), One(2));
      policy.marked_only = One(3);
      if (One(4)) policy.usb_ids = {"1111:1111"};
    });
  }

  std::mt19937 random_;
  SetMaker set_;
  std::vector<std::string> levels_;
  std::vector<std::string> uplinks_;
  std::vector<std::string> keys_;
};

}  // namespace bulkhead::vmspec
