// SPDX-License-Identifier: GPL-2.0-or-later
#include <arpa/inet.h>

#include <algorithm>

#include "vmspec/model.h"

namespace bulkhead::vmspec {

namespace {

/// "0".."128" without sign, space or leading zero.
std::optional<unsigned> ParseLength(std::string_view text, unsigned max) {
  if (text.empty() || text.size() > 3 || (text.size() > 1 && text[0] == '0')) return std::nullopt;
  unsigned value = 0;
  for (char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + static_cast<unsigned>(c - '0');
  }
  return value <= max ? std::optional(value) : std::nullopt;
}

/// No bit is set behind the first `length`.
bool HostBitsAreZero(const std::array<std::uint8_t, 16>& address, unsigned length) {
  for (unsigned bit = length; bit < 128; ++bit) {
    if ((address[bit / 8] >> (7 - bit % 8)) & 1) return false;
  }
  return true;
}

}  // namespace

std::optional<Prefix> ParsePrefix(std::string_view text) {
  std::size_t slash = text.find('/');
  std::string address(text.substr(0, slash));
  // inet_pton() reads a C string: what stands behind a NUL would be ignored.
  if (address.find('\0') != std::string::npos) return std::nullopt;
  Prefix prefix;
  prefix.v6 = address.find(':') != std::string::npos;
  if (inet_pton(prefix.v6 ? AF_INET6 : AF_INET, address.c_str(), prefix.address.data()) != 1) {
    return std::nullopt;
  }
  unsigned max = prefix.v6 ? 128 : 32;
  auto length = slash == std::string_view::npos ? std::optional(max)
                                                : ParseLength(text.substr(slash + 1), max);
  if (!length || !HostBitsAreZero(prefix.address, *length)) return std::nullopt;
  prefix.length = static_cast<std::uint8_t>(*length);
  return prefix;
}

std::string Prefix::ToString() const {
  char text[INET6_ADDRSTRLEN] = {};
  inet_ntop(v6 ? AF_INET6 : AF_INET, address.data(), text, sizeof text);
  bool single = length == (v6 ? 128 : 32);
  return single ? text : std::string(text) + "/" + std::to_string(length);
}

}  // namespace bulkhead::vmspec
