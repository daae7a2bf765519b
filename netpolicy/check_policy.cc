// SPDX-License-Identifier: GPL-2.0-or-later
#include "netpolicy/check_policy.h"

#include <algorithm>

#include "netpolicy/level_name.h"
#include "vmspec/base/identity.h"
#include "vmspec/base/sanitize.h"

namespace bulkhead::netpolicy {

namespace {

std::unexpected<Error> Bad(const std::string& what) {
  return Fail(ErrorCode::kInvalid, "network policy: " + what);
}

/// No quote, and no asterisk: nft(8) would read it as any interface whose name begins so.
bool IsInterfaceName(const std::string& name) {
  if (name.empty() || name.size() > 15 || name == "." || name == "..") return false;
  return std::ranges::all_of(name, [](char c) {
    return c > ' ' && c < 0x7f && c != '/' && c != ':' && c != '"' && c != '*';
  });
}

/// The two ends are number 1 and 2 of an aligned block of four.
template <std::size_t N>
bool AreEnds(const std::array<std::uint8_t, N>& host, const std::array<std::uint8_t, N>& guest) {
  return std::equal(host.begin(), host.end() - 1, guest.begin()) && host[N - 1] % 4 == 1 &&
         guest[N - 1] == host[N - 1] + 1;
}

bool IsUnicast4(const std::array<std::uint8_t, 4>& a) {
  bool link_local = a[0] == 169 && a[1] == 254;
  return a[0] != 0 && a[0] != 127 && a[0] < 224 && !link_local;
}

bool IsGlobalUnicast6(const std::array<std::uint8_t, 16>& a) {
  bool link_local = a[0] == 0xfe && (a[1] & 0xc0) == 0x80;
  // ::/8 holds the unspecified, the loopback and the IPv4-mapped addresses.
  return a[0] != 0 && a[0] != 0xff && !link_local;
}

Status CheckLink(const LevelPolicy& p) {
  std::uint32_t index = p.uid - LevelUid(0);
  if (index == 0 || index > kMaxLevelIndex) return Bad("uid is not one of a level");
  if (p.link.interface != InterfaceName(p.level)) return Bad("interface is not the level's");
  if (p.link.mac != GuestMac(index)) return Bad("MAC address is not the level's");
  if (!IsUnicast4(p.link.host4) || !AreEnds(p.link.host4, p.link.guest4)) {
    return Bad("IPv4 addresses are not the two ends of a /30");
  }
  if (!IsGlobalUnicast6(p.link.host6) || !AreEnds(p.link.host6, p.link.guest6)) {
    return Bad("IPv6 addresses are not the two ends of a /126");
  }
  return {};
}

Status CheckUplink(const std::string& name) {
  if (!IsInterfaceName(name)) return Bad("uplink interface name is malformed");
  // A level behind another level's tap, or on the host's loopback, is no uplink.
  if (name.starts_with(kTapPrefix) || name == "lo") return Bad(name + " cannot be an uplink");
  return {};
}

bool HostBitsAreZero(const vmspec::Prefix& p) {
  for (unsigned bit = p.length; bit < 128; ++bit) {
    if ((p.address[bit / 8] >> (7 - bit % 8)) & 1) return false;
  }
  return true;
}

Status CheckRule(const vmspec::NetRule& rule) {
  using vmspec::Protocol;
  std::string at = rule.origin.ToString();
  // `to` would be everything.
  if (!rule.to_name.empty()) return Bad(at + ": a rule for a name, not for addresses");
  if (rule.protocol > Protocol::kIcmp) return Bad(at + ": unknown protocol");
  if (rule.to.length > (rule.to.v6 ? 128 : 32) || !HostBitsAreZero(rule.to)) {
    return Bad(at + ": malformed prefix");
  }
  bool has_ports = rule.protocol == Protocol::kTcp || rule.protocol == Protocol::kUdp;
  if (!rule.ports.empty() && !has_ports) return Bad(at + ": ports without TCP or UDP");
  for (const vmspec::PortRange& range : rule.ports) {
    if (range.first > range.last) return Bad(at + ": port range is backwards");
  }
  return {};
}

/// Texts come back in status answers and in `nft list`: a quote or an escape has no place there.
Status CheckTexts(const vmspec::NetRule& rule) {
  if (rule.origin.file.size() > 96 || !IsPrintable(rule.origin.file) ||
      rule.origin.file.find('"') != std::string::npos) {
    return Bad("origin of a rule is not a printable path of at most 96 bytes");
  }
  if (rule.comment.size() > 256 || !IsPrintable(rule.comment)) {
    return Bad(rule.origin.ToString() + ": comment is not printable or longer than 256 bytes");
  }
  return {};
}

Status CheckRules(const std::vector<vmspec::NetRule>& rules, std::size_t& in_kernel) {
  if (rules.size() > kMaxRules) {
    return Fail(ErrorCode::kLimit,
                "network policy: more than " + std::to_string(kMaxRules) + " rules");
  }
  for (const vmspec::NetRule& rule : rules) {
    // First the text: the messages of CheckRule() print it.
    if (Status ok = CheckTexts(rule); !ok) return ok;
    if (Status ok = CheckRule(rule); !ok) return ok;
    if (rule.ports.size() > kMaxPortsPerRule) {
      return Fail(ErrorCode::kLimit, "network policy: " + rule.origin.ToString() + ": more than " +
                                         std::to_string(kMaxPortsPerRule) + " port ranges");
    }
    in_kernel += std::max<std::size_t>(rule.ports.size(), 1);
  }
  if (in_kernel > kMaxKernelRules) {
    return Fail(ErrorCode::kLimit, "network policy: more than " + std::to_string(kMaxKernelRules) +
                                       " rules and port ranges in all");
  }
  return {};
}

}  // namespace

Status CheckPolicy(const LevelPolicy& policy) {
  if (!IsLevelName(policy.level)) return Bad("level name is malformed");
  if (Status ok = CheckLink(policy); !ok) return ok;
  if (Status ok = CheckUplink(policy.uplink_interface); !ok) return ok;
  if (policy.out_bytes_per_s > kMaxBytesPerS || policy.in_bytes_per_s > kMaxBytesPerS)
    return Bad("more than 100 Gbit/s is no limit that the kernel can hold");
  std::size_t in_kernel = 0;
  if (Status ok = CheckRules(policy.deny, in_kernel); !ok) return ok;
  return CheckRules(policy.rules, in_kernel);
}

}  // namespace bulkhead::netpolicy
