// SPDX-License-Identifier: GPL-2.0-or-later
/// What the kernel is to enforce for the levels' networks, as a value. Pure: no netlink here.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "vmspec/base/codec.h"
#include "vmspec/base/error.h"
#include "vmspec/model.h"

namespace bulkhead::netpolicy {

using MacAddress = std::array<std::uint8_t, 6>;

/// A level's point-to-point link, computed from the pools and the level's index.
struct LevelLink {
  std::string interface;  ///< tap on the host, <= 15 bytes: InterfaceName(level)
  MacAddress mac{};       ///< of the guest; locally administered, from the index
  std::array<std::uint8_t, 4> host4{};
  std::array<std::uint8_t, 4> guest4{};
  std::array<std::uint8_t, 16> host6{};
  std::array<std::uint8_t, 16> guest6{};
};

/// "bh-" and the name when that fits in 15 bytes, else a prefix of it and a hash.
std::string InterfaceName(std::string_view level);
/// kLimit when the pool has no link with this index.
Result<LevelLink> LinkFor(const vmspec::Host& host, std::string_view level, std::uint32_t index);
/// The same for a level of `spec`, with the addresses that it asks for. An address of its own must
/// be the second of a block of four (192.0.2.2, .6, .10: the host has the first), outside the pool,
/// and in no other level's block: kInvalid says which are near.
Result<LevelLink> LinkFor(const vmspec::SpecSet& spec, const vmspec::Level& level,
                          std::uint32_t index);

/// All that the kernel must know of one level that has a network.
struct LevelPolicy {
  std::string level;
  std::uint32_t uid = 0;  ///< owner of the tap: LevelUid(index)
  LevelLink link;
  std::string uplink_interface;
  bool nat = false;
  std::vector<vmspec::NetRule> rules;  ///< each allows something
  std::vector<vmspec::NetRule> deny;   ///< beat every rule
  std::uint64_t out_bytes_per_s = 0;   ///< 0: no limit
  std::uint64_t in_bytes_per_s = 0;
};

/// 100 Gbit/s: past it the kernel's own sum overflows.
inline constexpr std::uint64_t kMaxBytesPerS = 12'500'000'000;

/// When the next of the level's rules ends after `now_unix_s`; none: no rule does.
std::optional<std::int64_t> NextRuleEnd(const vmspec::Level& level, std::int64_t now_unix_s);

/// The policy of `level` in a checked spec; nothing for a level without network. Rules that have
/// ended at `now_unix_s` are not in it.
Result<std::optional<LevelPolicy>> CompileLevel(const vmspec::SpecSet& spec,
                                                const std::string& level, std::uint32_t index,
                                                std::int64_t now_unix_s = 0);

Bytes EncodePolicy(const LevelPolicy& policy);
/// Strict: netd takes this from hostd and trusts no field. kCorrupt or kInvalid with the reason.
Result<LevelPolicy> DecodePolicy(ByteView in);

}  // namespace bulkhead::netpolicy
