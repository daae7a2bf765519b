// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/codes.h"
#include "vmspec/draft.h"

namespace bulkhead::vmspec {

namespace {

/// Unicast that a host may give out: not "this host", loopback, link-local or multicast.
bool IsPoolRange(const Prefix& pool) {
  std::uint8_t a = pool.address[0];
  std::uint8_t b = pool.address[1];
  if (!pool.v6) return pool.length >= 8 && a != 0 && a != 127 && a < 224 && !(a == 169 && b == 254);
  bool link_local = a == 0xfe && (b & 0xc0) == 0x80;
  return pool.length >= 16 && a != 0 && a != 0xff && !link_local;
}

void ReadPool(TableReader& table, std::string_view key, bool v6, Prefix& target) {
  auto pool = table.GetPrefix(key);
  if (!pool) return;
  bool fits = pool->v6 == v6 && pool->length <= (v6 ? 125 : 29) && IsPoolRange(*pool);
  if (fits) {
    target = *pool;
    return;
  }
  table.faults().Error(
      codes::kBadPool, pool->ToString() + " cannot be the pool " + Quoted(key), table.OriginOf(key),
      {},
      v6 ? "a pool is a network of unicast IPv6 addresses, /16 to /125: \"fd77::/64\""
         : "a pool is a network of unicast IPv4 addresses, /8 to /29: \"10.77.0.0/16\"");
}

void ReadRole(const Member& member, TableReader& file, Host& host) {
  TableReader table = file.Below("role", member.value);
  HostRole& role = host.roles[member.key];
  role.name = member.key;
  role.origin = member.value.origin;
  table.Read("groups", role.groups);
  table.Read("users", role.users);
  table.Finish();
}

}  // namespace

void ReadHost(const Node& document, Draft& draft, Faults& faults) {
  TableReader file(document, kHostSchema, "host.toml", draft.scope, faults);
  Host& host = draft.spec.host;
  host.origin = document.origin;
  if (const Node* node = file.Find("acceleration")) {
    TableReader table = file.Below("acceleration", *node);
    table.Read("accel", host.accel);
    table.Read("allow-tcg", host.allow_tcg);
    table.Finish();
  }
  if (const Node* node = file.Find("guest")) {
    TableReader table = file.Below("guest", *node);
    table.Read("hello-timeout", host.hello_timeout_s);
    table.Finish();
  }
  if (const Node* node = file.Find("addresses")) {
    TableReader table = file.Below("addresses", *node);
    ReadPool(table, "ipv4", false, host.pool4);
    ReadPool(table, "ipv6", true, host.pool6);
    host.origin = node->origin;
    table.Finish();
  }
  if (const Node* node = file.Find("limits")) {
    TableReader table = file.Below("limits", *node);
    table.Read("memory", host.limit_memory_mib, std::uint64_t{1} << 20);
    table.Read("vcpus", host.limit_vcpus);
    host.limits_origin = node->origin;
    table.Finish();
  }
  for (const Member* member : file.NamedTables("role")) ReadRole(*member, file, host);
  file.Finish();
}

}  // namespace bulkhead::vmspec
