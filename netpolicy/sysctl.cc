// SPDX-License-Identifier: GPL-2.0-or-later
#include "netpolicy/sysctl.h"

#include <dirent.h>
#include <fcntl.h>

#include <array>
#include <memory>
#include <optional>
#include <string_view>

#include "vmspec/base/unique_fd.h"

namespace bulkhead::netpolicy {

namespace {

constexpr char kRoot[] = "/proc/sys/net/";

struct Setting {
  const char* family;  ///< "ipv4" or "ipv6"
  const char* name;
  char value;
};

constexpr Setting kTapSettings[] = {
    {"ipv4", "forwarding", '1'},
    // Another address of the host, or of another level's link, is not answered for.
    {"ipv4", "arp_ignore", '1'},
    {"ipv4", "arp_announce", '2'},
    {"ipv4", "proxy_arp", '0'},
    {"ipv4", "rp_filter", '1'},
    {"ipv4", "accept_redirects", '0'},
    {"ipv4", "secure_redirects", '0'},
    {"ipv4", "send_redirects", '0'},
    {"ipv4", "accept_source_route", '0'},
    {"ipv4", "route_localnet", '0'},
    {"ipv4", "accept_local", '0'},
    {"ipv6", "accept_ra", '0'},
    {"ipv6", "autoconf", '0'},
    {"ipv6", "accept_redirects", '0'},
    {"ipv6", "proxy_ndp", '0'},
    // The rules know the host's link-local address: it must be the one of its MAC.
    {"ipv6", "addr_gen_mode", '0'},
    {"ipv6", "accept_dad", '0'},
};

std::string PathOf(const char* family, const std::string& interface, const char* name) {
  return std::string(kRoot) + family + "/conf/" + interface + "/" + name;
}

/// The first character; nothing when the setting does not exist.
std::optional<char> Read(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  char c = 0;
  if (!fd || ::read(fd.get(), &c, 1) != 1) return std::nullopt;
  return c;
}

/// What an old kernel, or one without IPv6, does not have is not set.
Status Set(const std::string& path, char value) {
  auto now = Read(path);
  if (!now || *now == value) return {};
  UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd || ::write(fd.get(), &value, 1) != 1) return FailErrno("set " + path);
  return {};
}

/// Interfaces that would stop learning routes when the machine becomes an IPv6 router.
Status KeepRouterAdvertisements() {
  std::string folder = std::string(kRoot) + "ipv6/conf";
  std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(folder.c_str()), ::closedir);
  if (!dir) return {};
  while (const dirent* entry = ::readdir(dir.get())) {
    std::string_view name = entry->d_name;
    if (name.starts_with('.') || name == "all" || name == "default") continue;
    std::string path = PathOf("ipv6", entry->d_name, "accept_ra");
    if (Read(path) != '1') continue;
    if (Status set = Set(path, '2'); !set) return set;
  }
  return {};
}

Status ForwardIp6(const std::string& interface) {
  std::string own = PathOf("ipv6", interface, "force_forwarding");
  if (Read(own)) return Set(own, '1');
  std::string all = PathOf("ipv6", "all", "forwarding");
  if (Read(all) != '0') return {};
  if (Status kept = KeepRouterAdvertisements(); !kept) return kept;
  return Set(all, '1');
}

}  // namespace

Status ConfigureTapSettings(const std::string& tap) {
  // First the machine's switch where there is no other: it resets settings of interfaces.
  if (Status set = ForwardIp6(tap); !set) return set;
  for (const Setting& s : kTapSettings) {
    if (Status set = Set(PathOf(s.family, tap, s.name), s.value); !set) return set;
  }
  return {};
}

Status ConfigureUplinkSettings(const std::string& uplink) {
  if (Status set = Set(PathOf("ipv4", uplink, "forwarding"), '1'); !set) return set;
  if (!Read(PathOf("ipv6", uplink, "forwarding"))) return {};
  return ForwardIp6(uplink);
}

}  // namespace bulkhead::netpolicy
