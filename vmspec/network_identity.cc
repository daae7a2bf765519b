// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/network_identity.h"

#include <algorithm>

#include "vmspec/faults.h"
#include "vmspec/scalars.h"

namespace bulkhead::vmspec {

namespace {

/// "eth0.7" is what everybody calls VLAN 7 of eth0.
void SplitVlan(std::string& interface, std::uint64_t& vlan) {
  std::size_t dot = interface.rfind('.');
  if (vlan != 0 || dot == interface.npos) return;
  auto tag = ParseNumber(std::string_view(interface).substr(dot + 1));
  if (!tag || *tag < 1 || *tag > 4094) return;
  vlan = *tag;
  interface.resize(dot);
}

/// One spelling of a host: names in lower case, addresses as the system prints them, without the
/// "::ffff:" of an IPv4 address.
std::string OneSpelling(std::string host) {
  std::ranges::transform(host, host.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  auto address = ParsePrefix(host);
  if (!address) return host;
  constexpr std::string_view kMapped = "::ffff:";
  std::string text = address->ToString();
  bool mapped = text.starts_with(kMapped) && text.find('.') != text.npos;
  return mapped ? text.substr(kMapped.size()) : text;
}

}  // namespace

/// What an IPsec uplink sends is sealed for its gateway: two of them are one network when they lead
/// to one gateway.
std::string NetworkOf(const Uplink& uplink) {
  if (uplink.kind == UplinkKind::kIpsec) {
    const std::string& remote = uplink.ipsec.remote;
    return remote.empty() ? "" : "the IPsec gateway " + Quoted(OneSpelling(remote));
  }
  if (uplink.interface.empty()) return "";
  std::string interface = uplink.interface;
  std::uint64_t vlan = uplink.vlan;
  SplitVlan(interface, vlan);
  return "interface " + Quoted(interface) + (vlan == 0 ? "" : ", VLAN " + std::to_string(vlan));
}

}  // namespace bulkhead::vmspec
