// SPDX-License-Identifier: GPL-2.0-or-later
/// The kernel's packet rules as values: what ruleset_compiler.cc makes, ruleset_text.cc prints and
/// a RulesetSink commits. Pure: no netlink, no libnftnl.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "netpolicy/policy.h"

namespace bulkhead::netpolicy {

/// One thing of a packet that a rule looks at. Where it lies is in nft_fields.cc.
enum class Field : std::uint8_t {
  kInputInterface,
  kOutputInterface,
  kFamily,         ///< of the network layer, in table inet
  kTransport,      ///< protocol number, past IPv6 extension headers
  kEtherType,      ///< in table netdev
  kConnState,      ///< bits, host byte order: kCtInvalid ...
  kConnDirection,  ///< 1: reply
  kEtherSource,
  kArpForm,  ///< hardware type, protocol type and their lengths
  kArpSenderMac,
  kArpSenderIp,
  kIp4Source,
  kIp4Destination,
  kIp6Source,
  kIp6Destination,
  kIp6HopLimit,
  kDestinationPort,
  kIcmpType,
  kIcmp6Type,
  kNdTarget,  ///< of a neighbour solicitation or advertisement
};

inline constexpr std::uint32_t kCtInvalid = 1;
inline constexpr std::uint32_t kCtEstablished = 2;
inline constexpr std::uint32_t kCtRelated = 4;

/// One condition; the field's bytes in network order (kConnState: host order).
struct Match {
  Field field;
  Bytes value;  ///< shorter than the field: a prefix of it ("bh-*")
  Bytes last;   ///< not empty: any from `value` to this
  Bytes mask;   ///< not empty: compare (field & mask)
  bool negate = false;
  std::string set;  ///< not empty: the field is in this named set; `value` is empty
  friend bool operator==(const Match&, const Match&) = default;
};

enum class Action : std::uint8_t { kAccept, kDrop, kMasquerade, kDispatch };

/// A bucket of bytes that fills at a rate; a packet that finds too little in it is over the limit
/// and takes nothing out.
struct RateLimit {
  std::uint64_t bytes_per_s = 0;
  std::uint32_t burst_bytes = 0;
  friend bool operator==(const RateLimit&, const RateLimit&) = default;
};

struct Rule {
  std::vector<Match> matches;  ///< all must hold
  Action action = Action::kDrop;
  std::string map;  ///< kDispatch: the verdict map that the last match's field is looked up in
  /// Where it comes from: "levels/low.toml:14", "default drop". Kept in the kernel with the rule
  /// and given back with its counter. Empty: not counted.
  std::string origin;
  std::optional<RateLimit> over;  ///< and the packet is over this limit
  friend bool operator==(const Rule&, const Rule&) = default;
};

enum class Family : std::uint8_t { kInet, kNetdev };
enum class HookPoint : std::uint8_t { kInput, kForward, kOutput, kPostrouting, kIngress };

struct Hook {
  HookPoint point = HookPoint::kForward;
  std::int32_t priority = 0;
  bool drop = false;   ///< policy
  std::string device;  ///< kIngress
  friend bool operator==(const Hook&, const Hook&) = default;
};

struct Chain {
  Family family = Family::kInet;
  std::string name;
  std::optional<Hook> hook;
  std::vector<Rule> rules;
  friend bool operator==(const Chain&, const Chain&) = default;
};

/// `interface : goto chain` in a verdict map, or `interface` in a plain set (no chain).
struct Element {
  std::string map;
  std::string interface;
  std::string chain;
  friend bool operator==(const Element&, const Element&) = default;
};

/// All of one level.
struct LevelRules {
  std::string level;
  std::string interface;
  std::vector<Chain> chains;
  std::vector<Element> elements;
  friend bool operator==(const LevelRules&, const LevelRules&) = default;
};

struct MapDeclaration {
  std::string name;
  bool verdicts = true;  ///< false: a plain set
};

/// What is there once for all levels.
struct RulesetFrame {
  std::vector<MapDeclaration> maps;
  std::vector<Chain> chains;
};

struct Ruleset {
  RulesetFrame frame;
  std::vector<LevelRules> levels;
};

/// Both tables are called so: `inet bulkhead` and `netdev bulkhead`.
inline constexpr char kTableName[] = "bulkhead";

/// Names that tell what a chain or map is for; nothing else spells them.
namespace names {
inline constexpr char kForwardFrom[] = "forward_from";
inline constexpr char kForwardTo[] = "forward_to";
inline constexpr char kInputFrom[] = "input_from";
inline constexpr char kOutputTo[] = "output_to";
inline constexpr char kNatFrom[] = "nat_from";
}  // namespace names

/// "low/out": what a level sends through the host, "low/in": to it, "low/host-in" and
/// "low/host-out": between it and the host itself, "low/tap": the anti-spoof chain on its tap.
enum class ChainRole : std::uint8_t { kOut, kIn, kHostIn, kHostOut, kTap };
std::string ChainName(std::string_view level, ChainRole role);
/// All five of a level, for removal.
std::vector<std::pair<Family, std::string>> ChainNamesOf(std::string_view level);
/// The maps and sets that can have an element of a level.
std::vector<MapDeclaration> AllMaps();
/// The level in "low/out"; empty for a chain of no level.
std::string_view LevelOfChain(std::string_view chain);

}  // namespace bulkhead::netpolicy
