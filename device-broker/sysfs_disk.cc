// SPDX-License-Identifier: GPL-2.0-or-later
#include "device-broker/sysfs_disk.h"

#include <sys/sysmacros.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <filesystem>

#include "vmspec/base/file.h"
#include "vmspec/base/sanitize.h"

namespace bulkhead::broker {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kMaxAttributeBytes = 8192;  // sysfs gives a page at most

std::string Trimmed(const std::string& text) {
  std::string line = text.substr(0, text.find('\n'));
  auto first = line.find_first_not_of(' ');
  if (first == std::string::npos) return "";
  return line.substr(first, line.find_last_not_of(' ') - first + 1);
}

std::string ReadAttribute(const std::string& path) {
  auto text = ReadFile(path, kMaxAttributeBytes);
  return text ? Trimmed(*text) : "";
}

bool IsDigits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

bool IsLetters(std::string_view text) {
  return !text.empty() && text.find_first_not_of("abcdefghijklmnopqrstuvwxyz") == text.npos;
}

/// "nvme0n1", and not one path of several ("nvme0c0n1").
bool IsNvme(std::string_view name) {
  if (!name.starts_with("nvme")) return false;
  std::string_view rest = name.substr(4);
  auto n = rest.find('n');
  return n != rest.npos && IsDigits(rest.substr(0, n)) && IsDigits(rest.substr(n + 1));
}

/// Disks, drives and cards; no RAM disks, no network disks, no volume managers.
bool IsKnownKind(std::string_view name) {
  return (name.starts_with("sd") && IsLetters(name.substr(2))) ||
         (name.starts_with("sr") && IsDigits(name.substr(2))) ||
         (name.starts_with("mmcblk") && IsDigits(name.substr(6))) || IsNvme(name);
}

}  // namespace

std::vector<std::string> NamesIn(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    names.push_back(at->path().filename());
  }
  std::ranges::sort(names);
  return names;
}

bool SysfsDisk::IsLendable() const {
  if (IsLoop()) return IsDigits(name_.substr(4)) && !Text("loop/backing_file").empty();
  return IsKnownKind(name_) && IsPluggable();
}

/// The kernel's word for the drive, the card, or a port further up (USB, Thunderbolt).
bool SysfsDisk::IsPluggable() const {
  if (Number("removable") == 1 || Text("device/type") == "SD") return true;
  return std::ranges::any_of(Ancestors(), [](const std::string& folder) {
    std::string base = fs::path(folder).filename();
    bool usb_bus = base.starts_with("usb") && IsDigits(base.substr(3));
    return usb_bus || ReadAttribute(folder + "/removable") == "removable";
  });
}

/// Folders of the devices above it, nearest first.
std::vector<std::string> SysfsDisk::Ancestors() const {
  std::vector<std::string> folders;
  std::error_code error;
  fs::path at = fs::canonical(folder_ + "/device", error);
  for (int depth = 0; !error && depth < 32 && at.has_relative_path(); ++depth) {
    folders.push_back(at);
    at = at.parent_path();
  }
  return folders;
}

std::string SysfsDisk::Text(const std::string& attribute) const {
  return ReadAttribute(folder_ + "/" + attribute);
}

std::uint64_t SysfsDisk::Number(const std::string& attribute) const {
  std::string text = Text(attribute);
  std::uint64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? value : 0;
}

dev_t SysfsDisk::DeviceNumber(const std::string& part) const {
  unsigned major = 0;
  unsigned minor = 0;
  std::string text = Text(part.empty() ? "dev" : part + "/dev");
  if (std::sscanf(text.c_str(), "%u:%u", &major, &minor) != 2) return 0;
  return makedev(major, minor);
}

std::vector<std::string> SysfsDisk::Partitions() const {
  std::vector<std::string> partitions;
  for (const std::string& entry : NamesIn(folder_)) {
    if (entry.starts_with(name_) && !Text(entry + "/partition").empty()) {
      partitions.push_back(entry);
    }
  }
  return partitions;
}

std::vector<std::string> SysfsDisk::Holders() const {
  std::vector<std::string> holders = NamesIn(folder_ + "/holders");
  for (const std::string& part : Partitions()) {
    std::ranges::copy(NamesIn(folder_ + "/" + part + "/holders"), std::back_inserter(holders));
  }
  return holders;
}

std::string SysfsDisk::Title() const {
  if (IsLoop()) {
    std::string file = Text("loop/backing_file");
    return Printable(file.substr(file.rfind('/') + 1), 200);
  }
  std::string title = Trimmed(Text("device/vendor") + " " + Text("device/model"));
  if (title.empty()) title = Text("device/name");  // cards
  return Printable(title.empty() ? name_ : title, 200);
}

std::string SysfsDisk::Serial() const {
  std::string serial = Text("device/serial");  // NVMe, cards
  for (const std::string& folder : Ancestors()) {
    if (!serial.empty()) break;
    // The USB device that the disk is in, and no bus controller above it.
    if (!ReadAttribute(folder + "/bDeviceClass").empty()) {
      serial = ReadAttribute(folder + "/serial");
      break;
    }
  }
  return Printable(serial, 128);
}

}  // namespace bulkhead::broker
