// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>

#include "netpolicy/policy.h"

namespace bulkhead::netpolicy {

/// Two levels on one uplink; `low` with one rule of each kind, `high` with none.
inline vmspec::SpecSet SampleSpec() {
  using vmspec::Protocol;
  auto rule = [](Protocol protocol, const char* to, std::vector<vmspec::PortRange> ports,
                 std::uint32_t line) {
    return vmspec::NetRule{.protocol = protocol,
                           .to = *vmspec::ParsePrefix(to),
                           .ports = std::move(ports),
                           .origin = {"levels/low.toml", line, 1, 1}};
  };
  vmspec::SpecSet spec;
  spec.host.pool4 = *vmspec::ParsePrefix("10.77.0.0/16");
  spec.host.pool6 = *vmspec::ParsePrefix("fd77::/64");
  spec.uplinks["office"] = {.name = "office", .interface = "up0"};
  vmspec::Level& low = spec.levels["low"];
  low.name = "low";
  low.network.uplink = "office";
  low.network.allow = {rule(Protocol::kTcp, "192.0.2.0/24", {{80, 80}, {8000, 8010}}, 11),
                       rule(Protocol::kUdp, "2001:db8::53", {{53, 53}}, 12),
                       rule(Protocol::kIcmp, "192.0.2.0/24", {}, 13),
                       rule(Protocol::kIcmp, "2001:db8::/32", {}, 14),
                       rule(Protocol::kAny, "198.51.100.7", {}, 15)};
  spec.levels["high"].name = "high";
  spec.levels["high"].network.uplink = "office";
  return spec;
}

inline LevelPolicy SamplePolicy(const std::string& level = "low", std::uint32_t index = 1) {
  return CompileLevel(SampleSpec(), level, index).value().value();
}

}  // namespace bulkhead::netpolicy
