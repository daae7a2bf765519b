// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/codes.h"
#include "vmspec/draft.h"

namespace bulkhead::vmspec {

namespace {

constexpr Range kHelloTimeout{5, 3600};
/// In the order of enum Accel.
const std::string kAccels[] = {"auto", "kvm", "tcg"};

void ReadAcceleration(const Field& field, Host& host, Faults& faults) {
  if (!field) return;
  TableReader table(*field.node, field.name, faults);
  if (auto accel = ReadWord(table.Optional("accel"), kAccels, faults)) {
    host.accel = static_cast<Accel>(*accel);
  }
  if (auto allow = ReadBool(table.Optional("allow-tcg"), faults)) host.allow_tcg = *allow;
  table.Finish();
}

void ReadGuest(const Field& field, Host& host, Faults& faults) {
  if (!field) return;
  TableReader table(*field.node, field.name, faults);
  if (auto timeout = ReadInteger(table.Optional("hello-timeout"), kHelloTimeout, faults)) {
    host.hello_timeout_s = *timeout;
  }
  table.Finish();
}

/// Unicast that a host may give out: not "this host", loopback, link-local or multicast.
bool IsPoolRange(const Prefix& pool) {
  std::uint8_t a = pool.address[0];
  std::uint8_t b = pool.address[1];
  if (!pool.v6) return pool.length >= 8 && a != 0 && a != 127 && a < 224 && !(a == 169 && b == 254);
  bool link_local = a == 0xfe && (b & 0xc0) == 0x80;
  return pool.length >= 16 && a != 0 && a != 0xff && !link_local;
}

std::optional<Prefix> ReadPool(const Field& field, bool v6, Faults& faults) {
  auto pool = ReadPrefix(field, faults);
  if (!pool) return std::nullopt;
  bool fits = pool->v6 == v6 && pool->length <= (v6 ? 125 : 29) && IsPoolRange(*pool);
  if (fits) return pool;
  faults.Error(codes::kBadPool, pool->ToString() + " cannot be the pool " + Quoted(field.name),
               field.node->origin, {},
               v6 ? "a pool is a network of unicast IPv6 addresses, /16 to /125: \"fd77::/64\""
                  : "a pool is a network of unicast IPv4 addresses, /8 to /29: \"10.77.0.0/16\"");
  return std::nullopt;
}

void ReadAddresses(const Field& field, Host& host, Faults& faults) {
  if (!field) return;
  TableReader table(*field.node, field.name, faults);
  if (auto pool = ReadPool(table.Optional("ipv4"), false, faults)) host.pool4 = *pool;
  if (auto pool = ReadPool(table.Optional("ipv6"), true, faults)) host.pool6 = *pool;
  host.origin = field.node->origin;
  table.Finish();
}

}  // namespace

void ReadHost(const Node& document, Draft& draft, Faults& faults) {
  TableReader table(document, "host.toml", faults);
  if (!ReadSchema(table, faults)) return;
  draft.spec.host.origin = document.origin;
  ReadAcceleration(table.Optional("acceleration"), draft.spec.host, faults);
  ReadGuest(table.Optional("guest"), draft.spec.host, faults);
  ReadAddresses(table.Optional("addresses"), draft.spec.host, faults);
  table.Finish();
}

}  // namespace bulkhead::vmspec
