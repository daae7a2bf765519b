// SPDX-License-Identifier: GPL-2.0-or-later
/// The level model: plain values that the loader fills from TOML and everything else reads.
/// A SpecSet that Check() passed is *checked*: names resolve, ranges hold, no declared flow goes
/// against the lattice. Nothing here does I/O.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace bulkhead::vmspec {

/// Where in the spec a thing was said; line and column (in characters) count from 1, 0 means "not
/// said: a default".
struct Origin {
  std::string file;  ///< relative to the spec set's folder
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  std::uint32_t length = 1;  ///< characters to underline
  /// "levels/low.toml:14"; "default" when line is 0.
  [[nodiscard]] std::string ToString() const {
    return line == 0 ? "default" : file + ":" + std::to_string(line);
  }
};

struct Label {
  int rank = 0;  ///< 0..1000
  std::set<std::string> compartments;
  /// Information may flow in clear from `other` to this label.
  [[nodiscard]] bool Dominates(const Label& other) const;
  /// "2", "2 {hq,crypto}"
  [[nodiscard]] std::string ToString() const;
  friend bool operator==(const Label&, const Label&) = default;
};

/// An IPv4 or IPv6 prefix; host bits are zero.
struct Prefix {
  bool v6 = false;
  std::array<std::uint8_t, 16> address{};  ///< IPv4 in the first four bytes
  std::uint8_t length = 0;
  [[nodiscard]] std::string ToString() const;
  friend auto operator<=>(const Prefix&, const Prefix&) = default;
};
std::optional<Prefix> ParsePrefix(std::string_view text);  ///< "10.0.0.0/8", "10.1.2.3", "fd00::/8"

enum class Protocol : std::uint8_t { kAny, kTcp, kUdp, kIcmp };  ///< kIcmp: ICMP or ICMPv6 echo

struct PortRange {
  std::uint16_t first = 0;
  std::uint16_t last = 0;
  friend auto operator<=>(const PortRange&, const PortRange&) = default;
};

/// One `allow` of a level: new connections from the level to `to`.
struct NetRule {
  Protocol protocol = Protocol::kAny;
  Prefix to;
  std::vector<PortRange> ports;  ///< empty: all; only with TCP or UDP
  std::string comment;
  Origin origin;
};

struct LevelNetwork {
  std::string uplink;  ///< "" is none: no interface at all
  std::vector<NetRule> allow;
  Origin origin;
};

enum class GrantMode : std::uint8_t { kNone, kManual, kAutomatic };

struct StoragePolicy {
  GrantMode mode = GrantMode::kNone;
  bool write = false;
  Origin origin;
};

struct Level {
  std::string name;   ///< [a-z][a-z0-9-]{0,30}; from the file's name
  std::string title;  ///< for people; printable, <= 64 bytes
  Label label;
  std::string colour = "#808080";
  std::string image;                      ///< name of an image in the store
  std::uint32_t vcpus = 1;                ///< 1..64
  std::uint32_t memory_mib = 512;         ///< 128..1048576
  std::uint32_t cpu_quota_percent = 100;  ///< of one CPU per vCPU, 10..100
  bool persistent = true;                 ///< false: the state disk is made anew at each start
  std::uint32_t state_mib = 256;          ///< 16..1048576
  bool autostart = false;
  LevelNetwork network;
  StoragePolicy storage;
  Origin origin;
};

enum class UplinkKind : std::uint8_t { kRouted, kNat };
struct Uplink {
  std::string name;
  UplinkKind kind = UplinkKind::kNat;
  std::string interface;  ///< host interface, <= 15 bytes
  Label label;
  Origin origin;
};

enum class FlowKind : std::uint8_t { kTransfer };  // encrypt and decrypt come with their own issue
struct Flow {
  std::string name;  ///< like a level's
  std::string from;
  std::string to;
  FlowKind kind = FlowKind::kTransfer;
  std::uint64_t max_file_bytes = 256ULL << 20;
  std::uint64_t quota_bytes = 1024ULL << 20;  ///< spool of each half
  std::uint32_t max_files = 1000;             ///< waiting in the spool of each half
  Origin origin;
};

/// One line of devices.toml. Any matching deny beats every allow, whatever the order.
struct DeviceRule {
  bool deny = true;
  std::string level;         ///< a level, or "*"
  std::string device_class;  ///< "storage", or "*"
  std::string path;          ///< device path glob ("/dev/loop*"), empty: any
  std::string serial;        ///< exact, empty: any
  std::string comment;
  Origin origin;
};

enum class Accel : std::uint8_t { kAuto, kKvm, kTcg };
struct Host {
  Accel accel = Accel::kAuto;
  bool allow_tcg = false;               ///< auto may fall back to TCG
  std::uint32_t hello_timeout_s = 120;  ///< 5..3600: start to the agent's hello
  Prefix pool4;                         ///< /30 per level, default 10.77.0.0/16
  Prefix pool6;                         ///< /126 per level, default fd77::/64
  Origin origin;
};

struct SpecSet {
  Host host;
  std::map<std::string, Level> levels;
  std::map<std::string, Flow> flows;
  std::map<std::string, Uplink> uplinks;
  std::vector<DeviceRule> device_rules;
};

}  // namespace bulkhead::vmspec
