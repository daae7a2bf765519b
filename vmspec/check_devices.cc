// SPDX-License-Identifier: GPL-2.0-or-later
/// Two [device.NAME] may describe one device, as long as they agree on what it is: what one level
/// gives the one, another may get from the other.
#include "vmspec/codes.h"
#include "vmspec/draft.h"
#include "vmspec/flow_graph.h"

namespace bulkhead::vmspec {

namespace {

bool Fit(const std::string& a, const std::string& b) { return a.empty() || b.empty() || a == b; }

bool IsSaid(const std::string& a, const std::string& b) { return !a.empty() && a == b; }

/// A medium may come up in any node; other devices keep to theirs.
bool PathsTellApart(const KnownDevice& a, const KnownDevice& b) {
  auto is_node = [](const KnownDevice& device) {
    return !device.path.empty() && device.path.find_first_of("*?[") == device.path.npos &&
           !device.classes.contains(DeviceClass::kStorage) &&
           !device.classes.contains(DeviceClass::kUsb);
  };
  return is_node(a) && is_node(b) && a.path != b.path;
}

bool MayBeOne(const KnownDevice& a, const KnownDevice& b) {
  bool told = IsSaid(a.serial, b.serial) || IsSaid(a.usb_id, b.usb_id);
  return told && Fit(a.serial, b.serial) && Fit(a.usb_id, b.usb_id) && !PathsTellApart(a, b);
}

/// Of what holds nothing, nothing is passed on.
bool Disagree(const KnownDevice& a, const KnownDevice& b) {
  if (!HoldsData(a) && !HoldsData(b)) return false;
  bool labels = a.label && b.label && *a.label != *b.label;
  return labels || a.classes != b.classes || HoldsData(a) != HoldsData(b);
}

}  // namespace

void CheckDevices(const Draft& draft, Faults& faults) {
  const auto& devices = draft.spec.devices;
  for (auto one = devices.begin(); one != devices.end(); ++one) {
    for (auto other = std::next(one); other != devices.end(); ++other) {
      const KnownDevice& a = one->second;
      const KnownDevice& b = other->second;
      if (!MayBeOne(a, b) || !Disagree(a, b)) continue;
      faults.Error(codes::kDuplicate,
                   "the device " + Quoted(b.name) + " may be " + Quoted(a.name) + " (" +
                       a.origin.ToString() + "), which is said to be something else",
                   b.origin, "the same serial or USB id, and another class, label or keeps-data",
                   "say it once with all its classes, or tell the two apart by \"serial\"");
      break;
    }
  }
}

}  // namespace bulkhead::vmspec
