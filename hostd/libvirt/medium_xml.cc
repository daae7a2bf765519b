// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/libvirt/medium_xml.h"

#include "hostd/libvirt/xml_tree.h"

namespace bulkhead::hostd {

namespace {

constexpr std::string_view kPrefix = "ua-medium-";
constexpr std::size_t kMaxId = 64;
constexpr std::size_t kMaxSerial = 20;  // virtio-blk's
constexpr std::string_view kHex = "0123456789abcdef";
constexpr std::string_view kPlain =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";

bool IsPlain(char c) { return kPlain.find(c) != std::string_view::npos; }

/// What libvirt's schema allows in a serial, and nothing a shell in the guest would trip over.
std::string Serial(const std::string& device_id) {
  std::string serial = device_id.substr(0, kMaxSerial);
  for (char& c : serial) {
    if (!IsPlain(c) && c != '.') c = '_';
  }
  return serial;
}

Status Check(const MediumSpec& m) {
  if (m.device_id.empty() || m.device_id.size() > kMaxId || !IsXmlLine(m.device_id)) {
    return Fail(ErrorCode::kInvalid, "the id of a medium is not 1 to 64 printable bytes");
  }
  if (!m.path.starts_with("/dev/") || m.path.find("/..") != std::string::npos ||
      !IsXmlLine(m.path)) {
    return Fail(ErrorCode::kInvalid, "the path of medium " + m.device_id + " is not below /dev");
  }
  return {};
}

Result<std::string> FreeTarget(const std::set<std::string>& taken) {
  for (char c = 'c'; c <= 'z'; ++c) {
    std::string name = std::string("vd") + c;
    if (!taken.contains(name)) return name;
  }
  return Fail(ErrorCode::kLimit, "the level has no name left for another disk");
}

}  // namespace

std::string MediumAlias(std::string_view device_id) {
  std::string alias(kPrefix);
  for (char c : device_id) {
    auto byte = static_cast<unsigned char>(c);
    if (IsPlain(c)) {
      alias += c;
    } else {
      alias.append({'_', kHex[byte >> 4], kHex[byte & 15]});
    }
  }
  return alias;
}

std::optional<std::string> DeviceOfAlias(std::string_view alias) {
  if (!alias.starts_with(kPrefix)) return std::nullopt;
  std::string id;
  std::string_view rest = alias.substr(kPrefix.size());
  for (std::size_t i = 0; i < rest.size(); ++i) {
    if (rest[i] != '_') {
      id += rest[i];
      continue;
    }
    if (rest.size() - i < 3) return std::nullopt;
    auto high = kHex.find(rest[i + 1]);
    auto low = kHex.find(rest[i + 2]);
    if (high == std::string_view::npos || low == std::string_view::npos) return std::nullopt;
    id += static_cast<char>(high << 4 | low);
    i += 2;
  }
  // Only what MediumAlias makes: one id has one alias.
  if (id.empty() || MediumAlias(id) != alias) return std::nullopt;
  return id;
}

Result<std::string> BuildMediumXml(const MediumSpec& medium, const std::set<std::string>& taken) {
  if (auto s = Check(medium); !s) return Propagate(s);
  auto target = FreeTarget(taken);
  if (!target) return target;
  XmlDocument document("disk");
  XmlElement disk = document.Root();
  disk.Set("type", "block").Set("device", "disk");
  // "report": a medium pulled out or full is the guest's error, not a reason to stop the level.
  disk.Add("driver")
      .Set("name", "qemu")
      .Set("type", "raw")
      .Set("cache", "none")
      .Set("error_policy", "report")
      .Set("packed", "off");
  disk.Add("source").Set("dev", medium.path);
  disk.Add("target").Set("dev", *target).Set("bus", "virtio");
  if (!medium.writable) disk.Add("readonly");
  disk.Add("serial").Text(Serial(medium.device_id));
  disk.Add("alias").Set("name", MediumAlias(medium.device_id));
  return document.Write();
}

}  // namespace bulkhead::hostd
