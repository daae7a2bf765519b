// SPDX-License-Identifier: GPL-2.0-or-later
#include <sys/un.h>

#include <algorithm>
#include <cstdlib>
#include <set>

#include "hostd/libvirt/domain_xml.h"
#include "hostd/libvirt/xml_tree.h"
#include "vmspec/base/identity.h"

namespace bulkhead::hostd {

namespace {

constexpr char kLower[] = "abcdefghijklmnopqrstuvwxyz";
constexpr char kUpper[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
constexpr char kDigits[] = "0123456789";
constexpr char kHex[] = "0123456789abcdefABCDEF";

Status Wrong(const std::string& field, const std::string& why) {
  return Fail(ErrorCode::kInvalid, "domain: " + field + " " + why);
}

bool OnlyOf(std::string_view text, const std::string& allowed) {
  return text.find_first_not_of(allowed) == std::string_view::npos;
}

/// As vmspec's rule for names: [a-z][a-z0-9-]{0,30}.
bool IsName(std::string_view name) {
  return !name.empty() && name.size() <= 31 && OnlyOf(name.substr(0, 1), kLower) &&
         OnlyOf(name, std::string(kLower) + kDigits + "-");
}

/// `text` has hex digits where `shape` has 'x', and is otherwise equal to it.
bool HasShape(std::string_view text, std::string_view shape) {
  return std::ranges::equal(text, shape, [](char c, char s) {
    return s == 'x' ? std::string_view(kHex).find(c) != std::string_view::npos : c == s;
  });
}

Status CheckPath(const std::string& field, const std::string& path) {
  if (!path.starts_with('/') || path.ends_with('/'))
    return Wrong(field, "is not the absolute path of a file");
  if (!IsXmlLine(path)) return Wrong(field, "has characters that XML cannot hold");
  return {};
}

Status CheckSocket(const std::string& field, const std::string& path) {
  if (auto s = CheckPath(field, path); !s) return s;
  if (path.size() >= sizeof(sockaddr_un::sun_path)) {
    return Wrong(field, "is longer than the path of a socket may be (107 bytes)");
  }
  return {};
}

Status CheckIdentity(const DomainSpec& s) {
  if (!IsName(s.level)) return Wrong("level", "is not a name like [a-z][a-z0-9-]{0,30}");
  if (s.index < 1 || s.index > kMaxLevelIndex) return Wrong("index", "is not 1 to 4095");
  if (!s.uuid.empty() && !HasShape(s.uuid, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx")) {
    return Wrong("uuid", "is not a UUID");
  }
  if (s.title.size() > 256) return Wrong("title", "is longer than 256 bytes");
  if (!IsXmlLine(s.title)) return Wrong("title", "has characters that XML cannot hold");
  if (s.icon.size() > 64 || !OnlyOf(s.icon, std::string(kLower) + kUpper + kDigits + "._+-")) {
    return Wrong("icon", "is not a name like [A-Za-z0-9._+-]{1,64}");
  }
  if (s.image_version.size() > 256 || !IsXmlLine(s.image_version)) {
    return Wrong("image version", "is too long or has characters that XML cannot hold");
  }
  return {};
}

Status CheckResources(const DomainSpec& s) {
  if (s.vcpus < 1 || s.vcpus > 64) return Wrong("vcpus", "is not 1 to 64");
  if (s.memory_mib < 64 || s.memory_mib > 1'048'576)
    return Wrong("memory", "is not 64 MiB to 1 TiB");
  if (s.memory_max_mib != 0 && (s.memory_max_mib < s.memory_mib || s.memory_max_mib > 1'048'576))
    return Wrong("most memory", "is not between memory and 1 TiB");
  if (s.cpu_weight < 1 || s.cpu_weight > 10'000) return Wrong("cpu weight", "is not 1 to 10000");
  if (s.io_read_bytes_per_s > kMaxIoBytesPerS || s.io_write_bytes_per_s > kMaxIoBytesPerS)
    return Wrong("disk limit", "is more than 10^15 bytes a second");
  if (s.cpu_quota_percent < 1 || s.cpu_quota_percent > 100)
    return Wrong("cpu quota", "is not 1 to 100");
  if (s.hotplug_ports > 16) return Wrong("hot-plug ports", "are more than 16");
  return {};
}

Status CheckBoot(const DomainSpec& s) {
  if (auto c = CheckPath("kernel", s.kernel); !c) return c;
  if (auto c = s.initrd.empty() ? Status() : CheckPath("initrd", s.initrd); !c) return c;
  if (s.cmdline.size() > 2047 || !IsXmlLine(s.cmdline)) {
    return Wrong("kernel command line", "is longer than 2047 bytes or has control characters");
  }
  if (auto c = CheckPath("root image", s.root.path); !c) return c;
  return s.state ? CheckPath("state disk", s.state->path) : Status();
}

Status CheckNetwork(const NetworkInterface& n) {
  if (n.tap.empty() || n.tap.size() > 15 || !OnlyOf(n.tap, std::string(kLower) + kDigits + "-_")) {
    return Wrong("tap", "is not the name of an interface");
  }
  if (!HasShape(n.mac, "xx:xx:xx:xx:xx:xx")) return Wrong("mac", "is not six bytes in hex");
  if ((std::strtoul(n.mac.c_str(), nullptr, 16) & 1) != 0)
    return Wrong("mac", "is a group address");
  return {};
}

Status CheckChannels(const DomainSpec& s) {
  if (auto c = CheckSocket("console socket", s.console_socket); !c) return c;
  // A virtio-serial controller has 31 ports; port 0 is the console's.
  if (s.channels.size() > 30) return Wrong("channels", "are more than 30");
  std::set<std::string> ports;
  std::set<std::string> sockets{s.console_socket};
  for (const Channel& c : s.channels) {
    if (c.port.empty() || c.port.size() > 64 ||
        !OnlyOf(c.port, std::string(kLower) + kDigits + ".-")) {
      return Wrong("channel port", "is not a name like [a-z0-9.-]{1,64}");
    }
    if (auto ok = CheckSocket("channel socket", c.socket_path); !ok) return ok;
    if (!ports.insert(c.port).second) return Wrong("channel port " + c.port, "is there twice");
    if (!sockets.insert(c.socket_path).second) return Wrong("channel socket", "is there twice");
  }
  return {};
}

}  // namespace

Status CheckDomainSpec(const DomainSpec& spec) {
  for (auto* check : {CheckIdentity, CheckResources, CheckBoot, CheckChannels}) {
    if (auto s = check(spec); !s) return s;
  }
  return spec.network ? CheckNetwork(*spec.network) : Status();
}

}  // namespace bulkhead::hostd
