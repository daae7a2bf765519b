// SPDX-License-Identifier: GPL-2.0-or-later
/// The words that rules are written in.
#pragma once

#include <algorithm>
#include <string_view>

#include "netpolicy/ruleset.h"

namespace bulkhead::netpolicy {

// Numbers from the RFCs and <net/ethernet.h>, as they stand in packets.
inline constexpr std::uint8_t kFamilyIp4 = 2;   // NFPROTO_IPV4
inline constexpr std::uint8_t kFamilyIp6 = 10;  // NFPROTO_IPV6
inline constexpr std::uint8_t kIcmp = 1;
inline constexpr std::uint8_t kTcp = 6;
inline constexpr std::uint8_t kUdp = 17;
inline constexpr std::uint8_t kIcmp6 = 58;
inline constexpr std::uint16_t kEtherArp = 0x0806;
inline constexpr std::uint16_t kEtherIp4 = 0x0800;
inline constexpr std::uint16_t kEtherIp6 = 0x86dd;

inline Bytes BigEndian(std::uint16_t v) {
  return {static_cast<std::uint8_t>(v >> 8), static_cast<std::uint8_t>(v & 0xff)};
}

template <std::size_t N>
Match Is(Field field, const std::array<std::uint8_t, N>& value) {
  return {.field = field, .value = Bytes(value.begin(), value.end())};
}
inline Match Is(Field field, std::uint8_t value) { return {.field = field, .value = {value}}; }
inline Match Is16(Field field, std::uint16_t value) {
  return {.field = field, .value = BigEndian(value)};
}
inline Match From(Field field, std::uint8_t first, std::uint8_t last) {
  return {.field = field, .value = {first}, .last = {last}};
}
inline Match Not(Match match) {
  match.negate = !match.negate;
  return match;
}

/// The interface with exactly this name.
inline Match Interface(Field field, std::string_view name) {
  Bytes value(16, 0);
  std::copy(name.begin(), name.end(), value.begin());
  return {.field = field, .value = std::move(value)};
}
/// Any interface whose name begins so.
inline Match InterfacePrefix(Field field, std::string_view prefix) {
  return {.field = field, .value = Bytes(prefix.begin(), prefix.end())};
}
inline Match InSet(Field field, std::string set) { return {.field = field, .set = std::move(set)}; }

/// The packet's connection has one of the states in `bits`.
inline Match ConnState(std::uint32_t bits) {
  Bytes mask(sizeof bits);
  std::copy_n(reinterpret_cast<const std::uint8_t*>(&bits), sizeof bits, mask.begin());
  return {.field = Field::kConnState, .value = Bytes(sizeof bits, 0), .mask = mask, .negate = true};
}

inline Rule Accept(std::vector<Match> matches, std::string origin) {
  return {std::move(matches), Action::kAccept, "", std::move(origin), {}};
}
inline Rule Drop(std::vector<Match> matches, std::string origin) {
  return {std::move(matches), Action::kDrop, "", std::move(origin), {}};
}
inline Rule Dispatch(Field field, std::string map) {
  return {{{.field = field}}, Action::kDispatch, std::move(map), "", {}};
}

}  // namespace bulkhead::netpolicy
