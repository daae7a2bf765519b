// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/netpolicy/packets.h"

#include <arpa/inet.h>

namespace bulkhead::netpolicy {

namespace {

template <std::size_t N>
ByteView View(const std::array<std::uint8_t, N>& a) {
  return a;
}

ByteView View(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

void Put16(Bytes& out, std::size_t v) {
  out.push_back(static_cast<std::uint8_t>(v >> 8));
  out.push_back(static_cast<std::uint8_t>(v));
}

void Put(Bytes& out, ByteView bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }

std::uint16_t Checksum(ByteView bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) sum += bytes[i] << (i % 2 == 0 ? 8 : 0);
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

/// Over pseudo header and payload, into payload[at].
void FillChecksum(Bytes& payload, std::size_t at, ByteView from, ByteView to, std::uint8_t proto) {
  Bytes whole;
  if (!from.empty()) {
    Put(whole, from), Put(whole, to);
    Put16(whole, 0), Put16(whole, payload.size()), Put16(whole, proto);
  }
  Put(whole, payload);
  std::uint16_t sum = Checksum(whole);
  payload[at] = static_cast<std::uint8_t>(sum >> 8);
  payload[at + 1] = static_cast<std::uint8_t>(sum);
}

Bytes Packet4(const Ends4& e, std::uint8_t proto, const Bytes& payload) {
  Bytes ip = {0x45, 0};
  Put16(ip, 20 + payload.size());
  Put(ip, Bytes{0, 1, 0x40, 0, 64, proto, 0, 0});
  Put(ip, e.from), Put(ip, e.to);
  FillChecksum(ip, 10, {}, {}, 0);
  Put(ip, payload);
  return Ethernet(e.from_mac, e.to_mac, 0x0800, ip);
}

Bytes Packet6(const Ends6& e, std::uint8_t proto, const Bytes& payload, std::uint8_t hops = 64) {
  Bytes ip = {0x60, 0, 0, 0};
  Put16(ip, payload.size());
  ip.push_back(proto), ip.push_back(hops);
  Put(ip, e.from), Put(ip, e.to), Put(ip, payload);
  return Ethernet(e.from_mac, e.to_mac, 0x86dd, ip);
}

Bytes UdpPayload(std::uint16_t port, std::string_view mark) {
  Bytes out;
  Put16(out, 40000), Put16(out, port), Put16(out, 8 + mark.size()), Put16(out, 0);
  Put(out, View(mark));
  return out;
}

Bytes Echo(std::uint8_t type, std::string_view mark) {
  Bytes out = {type, 0, 0, 0, 0x12, 0x34, 0, 1};
  Put(out, View(mark));
  return out;
}

}  // namespace

Ip4 Address4(const char* text) {
  Ip4 out{};
  inet_pton(AF_INET, text, out.data());
  return out;
}

Ip6 Address6(const char* text) {
  Ip6 out{};
  inet_pton(AF_INET6, text, out.data());
  return out;
}

Bytes Ethernet(const MacAddress& from, const MacAddress& to, std::uint16_t type, ByteView payload) {
  Bytes out(to.begin(), to.end());
  Put(out, from), Put16(out, type), Put(out, payload);
  return out;
}

Bytes Udp4(const Ends4& e, std::uint16_t port, std::string_view mark) {
  Bytes udp = UdpPayload(port, mark);
  FillChecksum(udp, 6, View(e.from), View(e.to), 17);
  return Packet4(e, 17, udp);
}

Bytes Udp6(const Ends6& e, std::uint16_t port, std::string_view mark) {
  Bytes udp = UdpPayload(port, mark);
  FillChecksum(udp, 6, View(e.from), View(e.to), 17);
  return Packet6(e, 17, udp);
}

Bytes Tcp4(const Ends4& e, std::uint16_t port, std::uint8_t flags, std::string_view mark) {
  Bytes tcp;
  Put16(tcp, 40000), Put16(tcp, port);
  Put(tcp, Bytes{0, 0, 0, 1, 0, 0, 0, 0, 0x50, flags, 0xff, 0xff, 0, 0, 0, 0});
  Put(tcp, View(mark));
  FillChecksum(tcp, 16, View(e.from), View(e.to), 6);
  return Packet4(e, 6, tcp);
}

Bytes Icmp4(const Ends4& e, std::uint8_t type, std::string_view mark) {
  Bytes icmp = Echo(type, mark);
  FillChecksum(icmp, 2, {}, {}, 0);
  return Packet4(e, 1, icmp);
}

Bytes Icmp6(const Ends6& e, std::uint8_t type, std::string_view mark) {
  Bytes icmp = Echo(type, mark);
  FillChecksum(icmp, 2, View(e.from), View(e.to), 58);
  return Packet6(e, 58, icmp);
}

Bytes Arp(const MacAddress& from, std::uint16_t operation, const MacAddress& sender,
          const Ip4& address, const Ip4& target) {
  Bytes arp = {0, 1, 8, 0, 6, 4};
  Put16(arp, operation);
  Put(arp, sender), Put(arp, address), Put(arp, MacAddress{}), Put(arp, target);
  return Ethernet(from, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, 0x0806, arp);
}

Bytes Neighbour(const Ends6& e, std::uint8_t type, const Ip6& target) {
  // An advertisement is solicited and overrides; its option is the target's MAC.
  Bytes icmp = {type, 0, 0, 0, static_cast<std::uint8_t>(type == 136 ? 0x60 : 0), 0, 0, 0};
  Put(icmp, target);
  icmp.push_back(type == 136 ? 2 : 1), icmp.push_back(1);
  Put(icmp, e.from_mac);
  FillChecksum(icmp, 2, View(e.from), View(e.to), 58);
  return Packet6(e, 58, icmp, 255);
}

}  // namespace bulkhead::netpolicy
