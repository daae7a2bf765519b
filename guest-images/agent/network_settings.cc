// SPDX-License-Identifier: GPL-2.0-or-later
#include "guest-images/agent/network_settings.h"

#include <arpa/inet.h>

#include <array>
#include <charconv>

namespace bulkhead::agent {

namespace {

bool IsAddress(int family, const std::string& text) {
  std::array<unsigned char, 16> bytes{};
  return ::inet_pton(family, text.c_str(), bytes.data()) == 1 &&
         text.find('\0') == std::string::npos;
}

/// "ADDRESS/PREFIX"
bool IsInterfaceAddress(int family, const std::string& text) {
  auto slash = text.find('/');
  if (slash == std::string::npos || !IsAddress(family, text.substr(0, slash))) return false;
  unsigned prefix = 0;
  const char* end = text.data() + text.size();
  auto [stop, fault] = std::from_chars(text.data() + slash + 1, end, prefix);
  return fault == std::errc() && stop == end && prefix <= (family == AF_INET ? 32u : 128u);
}

Status AddFamily(int family, const std::string& address, const std::string& gateway,
                 const std::string& interface, std::string& out) {
  if (address.empty()) return {};
  if (!IsInterfaceAddress(family, address)) {
    return Fail(ErrorCode::kInvalid, "the host's address is none");
  }
  bool v6 = family == AF_INET6;
  out += "address replace " + address + " dev " + interface + (v6 ? " nodad\n" : "\n");
  if (gateway.empty()) return {};
  if (!IsAddress(family, gateway)) return Fail(ErrorCode::kInvalid, "the host's gateway is none");
  out += std::string("route replace ") + (v6 ? "::/0" : "0.0.0.0/0") + " via " + gateway + " dev " +
         interface + "\n";
  return {};
}

}  // namespace

bool IsMac(std::string_view text) {
  if (text.size() != 17) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (i % 3 == 2 ? text[i] != ':' : std::isxdigit(static_cast<unsigned char>(text[i])) == 0) {
      return false;
    }
  }
  return true;
}

Result<std::string> IpCommands(const control::Welcome& welcome, const std::string& interface) {
  std::string out = "link set dev " + interface + " up\n";
  if (auto s = AddFamily(AF_INET, welcome.ipv4, welcome.gateway4, interface, out); !s) {
    return Propagate(s);
  }
  if (auto s = AddFamily(AF_INET6, welcome.ipv6, welcome.gateway6, interface, out); !s) {
    return Propagate(s);
  }
  return out;
}

}  // namespace bulkhead::agent
