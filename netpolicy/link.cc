// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <tuple>

#include "netpolicy/level_name.h"
#include "netpolicy/policy.h"
#include "vmspec/base/identity.h"
#include "vmspec/base/sanitize.h"
#include "vmspec/base/sha256.h"

namespace bulkhead::netpolicy {

namespace {

constexpr std::size_t kMaxInterfaceName = 15;
constexpr std::uint32_t kAddressesPerLink = 4;

/// `base` + `offset` in the last four bytes; the pool check has excluded a carry beyond them.
template <std::size_t N>
std::array<std::uint8_t, N> AddressAt(const std::array<std::uint8_t, 16>& base,
                                      std::uint32_t offset) {
  std::array<std::uint8_t, N> out{};
  std::copy_n(base.begin(), N, out.begin());
  std::uint64_t carry = offset;
  for (std::size_t i = N; i-- > 0 && carry != 0;) {
    carry += out[i];
    out[i] = static_cast<std::uint8_t>(carry & 0xff);
    carry >>= 8;
  }
  return out;
}

bool PoolHolds(const vmspec::Prefix& pool, std::uint32_t index) {
  unsigned host_bits = (pool.v6 ? 128U : 32U) - pool.length;
  std::uint64_t needed = (std::uint64_t{index} + 1) * kAddressesPerLink;
  return host_bits >= 32 || needed <= (std::uint64_t{1} << host_bits);
}

Status CheckPools(const vmspec::Host& host, std::string_view level, std::uint32_t index) {
  for (const vmspec::Prefix* pool : {&host.pool4, &host.pool6}) {
    if (PoolHolds(*pool, index)) continue;
    return Fail(ErrorCode::kLimit, "the address pool " + pool->ToString() + " has no link number " +
                                       std::to_string(index) + " for level " + std::string(level) +
                                       ": give a larger pool in host.toml");
  }
  return {};
}

/// Number 2 of an aligned block of four.
bool IsSecondOfBlock(const vmspec::Prefix& address) {
  return address.address[address.v6 ? 15 : 3] % kAddressesPerLink == 2;
}

std::string Text(const vmspec::Prefix& address) {
  std::string text = address.ToString();
  return text.substr(0, text.find('/'));
}

vmspec::Prefix BlockOf(vmspec::Prefix address) {
  address.address[address.v6 ? 15 : 3] &= 0xfc;
  address.length = address.v6 ? 126 : 30;
  return address;
}

bool Holds(const vmspec::Prefix& pool, const vmspec::Prefix& address) {
  if (pool.v6 != address.v6) return false;
  for (unsigned bit = 0; bit < pool.length; ++bit) {
    unsigned mask = 0x80U >> (bit % 8);
    if ((pool.address[bit / 8] & mask) != (address.address[bit / 8] & mask)) return false;
  }
  return true;
}

std::unexpected<Error> BadAddress(const vmspec::Level& level, const vmspec::Prefix& address,
                                  const std::string& why) {
  return Fail(ErrorCode::kInvalid, Printable(level.network.origin.ToString()) + ": address " +
                                       Text(address) + " of level " + Printable(level.name, 64) +
                                       " " + why);
}

Status CheckAddress(const vmspec::SpecSet& spec, const vmspec::Level& level,
                    const vmspec::Prefix& address, bool v6) {
  if (address.v6 != v6 || address.length != (v6 ? 128 : 32))
    return BadAddress(level, address, "is not one address of its family");
  if (!IsSecondOfBlock(address)) {
    vmspec::Prefix near = BlockOf(address);
    near.address[v6 ? 15 : 3] |= 2;
    return BadAddress(
        level, address,
        "is not the second of a block of four (the host has the first): take " + Text(near));
  }
  const vmspec::Prefix& pool = v6 ? spec.host.pool6 : spec.host.pool4;
  if (Holds(pool, address)) {
    return BadAddress(level, address,
                      "lies in the pool " + pool.ToString() +
                          ", from which other levels get theirs: take one outside");
  }
  for (const auto& [name, other] : spec.levels) {
    const auto& theirs = v6 ? other.network.address6 : other.network.address4;
    if (name == level.name || !theirs || BlockOf(*theirs) != BlockOf(address)) continue;
    return BadAddress(level, address,
                      "lies in one block of four with that of level " + Printable(name, 64) +
                          ": take another for one of them");
  }
  return {};
}

/// The two ends of the link in the block of `address`.
template <std::size_t N>
void TakeAddress(const vmspec::Prefix& address, std::array<std::uint8_t, N>& host,
                 std::array<std::uint8_t, N>& guest) {
  std::copy_n(address.address.begin(), N, guest.begin());
  host = guest;
  host[N - 1] = static_cast<std::uint8_t>(host[N - 1] - 1);
}

}  // namespace

bool IsLevelName(std::string_view name) {
  auto lower = [](char c) { return c >= 'a' && c <= 'z'; };
  if (name.empty() || name.size() > 31 || !lower(name[0])) return false;
  return std::ranges::all_of(
      name, [&](char c) { return lower(c) || (c >= '0' && c <= '9') || c == '-'; });
}

std::string InterfaceName(std::string_view level) {
  std::string plain = std::string(kTapPrefix) + std::string(level);
  if (plain.size() <= kMaxInterfaceName) return plain;
  // '_' is in no level's name, so that a short name never equals a shortened one.
  ByteView bytes(reinterpret_cast<const std::uint8_t*>(level.data()), level.size());
  std::string hash = Hex(Sha256Of(bytes)).substr(0, 6);
  return plain.substr(0, kMaxInterfaceName - 7) + "_" + hash;
}

MacAddress GuestMac(std::uint32_t index) {
  auto high = static_cast<std::uint8_t>(index >> 8);
  auto low = static_cast<std::uint8_t>(index & 0xff);
  return {0x02, 'b', 'h', high, low, 2};
}

MacAddress HostMac(const MacAddress& guest) {
  MacAddress host = guest;
  host[5] = 1;
  return host;
}

std::array<std::uint8_t, 16> LinkLocal(const MacAddress& mac) {
  std::array<std::uint8_t, 16> out{0xfe, 0x80};
  std::copy_n(mac.begin(), 3, out.begin() + 8);
  out[8] ^= 2;
  out[11] = 0xff;
  out[12] = 0xfe;
  std::copy_n(mac.begin() + 3, 3, out.begin() + 13);
  return out;
}

Result<LevelLink> LinkFor(const vmspec::Host& host, std::string_view level, std::uint32_t index) {
  if (index == 0 || index > kMaxLevelIndex) {
    return Fail(ErrorCode::kLimit, "level " + std::string(level) + " has no index between 1 and " +
                                       std::to_string(kMaxLevelIndex));
  }
  if (Status pools = CheckPools(host, level, index); !pools) return Propagate(pools);
  LevelLink link;
  link.interface = InterfaceName(level);
  link.mac = GuestMac(index);
  std::uint32_t first = index * kAddressesPerLink;
  link.host4 = AddressAt<4>(host.pool4.address, first + 1);
  link.guest4 = AddressAt<4>(host.pool4.address, first + 2);
  link.host6 = AddressAt<16>(host.pool6.address, first + 1);
  link.guest6 = AddressAt<16>(host.pool6.address, first + 2);
  return link;
}

Result<LevelLink> LinkFor(const vmspec::SpecSet& spec, const vmspec::Level& level,
                          std::uint32_t index) {
  auto link = LinkFor(spec.host, level.name, index);
  if (!link) return link;
  const auto& [own4, own6] = std::tie(level.network.address4, level.network.address6);
  if (Status ok = own4 ? CheckAddress(spec, level, *own4, false) : Status(); !ok)
    return Propagate(ok);
  if (Status ok = own6 ? CheckAddress(spec, level, *own6, true) : Status(); !ok)
    return Propagate(ok);
  if (own4) TakeAddress(*own4, link->host4, link->guest4);
  if (own6) TakeAddress(*own6, link->host6, link->guest6);
  return link;
}

}  // namespace bulkhead::netpolicy
