// SPDX-License-Identifier: GPL-2.0-or-later
/// The level language as data: every table, every key, its form, range, default and meaning. The
/// readers take their bounds and defaults from here, and the reference page and the JSON Schema are
/// printed from here, so that no two of them can disagree.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>

namespace bulkhead::vmspec {

/// How the schema of a file is numbered; older ones are migrated when they are read (migrate.h).
inline constexpr std::int64_t kOldestSchema = 1;
inline constexpr std::int64_t kCurrentSchema = 2;

enum class Form : std::uint8_t {
  kFlag,
  kInteger,
  kSize,      ///< "512 MiB": bytes
  kDuration,  ///< "90 s", "5 min", "2 h": seconds; or "never"
  kBitRate,   ///< "10 Mbit/s": bits per second
  kText,      ///< printable; `range.max` bytes
  kName,
  kWord,       ///< one of `words`
  kReference,  ///< the name of a `refers_to`
  kUuid,
  kColour,
  kInterface,
  kDigest,  ///< "sha256:" and 64 hexadecimal digits
  kHost,    ///< host name or address
  kUrl,
  kMoment,       ///< "2027-01-31T18:00:00Z"
  kWindow,       ///< "02:00-05:00"
  kAddress,      ///< one IPv4 or IPv6 address
  kNetwork,      ///< address or network
  kDestination,  ///< kNetwork, or a host name
  kPorts,
  kDevicePath,
  kUsbId,  ///< "1d6b:0104"
  kHex,
  kMime,
  kApplication,  ///< "org.gnome.Evince"
  kLabel,        ///< { rank, compartments }
  kTable,        ///< [key]
  kWordOrTable,  ///< one of `words`, or `table`
  kNameOrTable,  ///< a name, or `table`
  kTableList,    ///< [[key]], or a list of inline tables
  kNamedTables,  ///< [key.NAME]
};

/// What a reference can name.
enum class Kind : std::uint8_t { kLevel, kUplink, kKey, kRecipient, kRole, kTemplate };
inline constexpr std::size_t kKinds = 6;
/// "level", "uplink" ...
std::string_view NameOf(Kind kind);

struct Range {
  std::uint64_t min = 0;
  std::uint64_t max = std::numeric_limits<std::uint64_t>::max();
};

using Words = std::span<const std::string_view>;

struct TableSchema;

struct KeySchema {
  std::string_view key;
  Form form = Form::kText;
  bool list = false;  ///< a list of the form, of `most` at the most
  bool required = false;
  /// This version does not carry it out: saying more than the default is a warning (B0115), and
  /// hostd refuses the set.
  bool later = false;
  std::string_view fallback = {};  ///< the default as TOML; empty: nothing
  Range range = {};        ///< of numbers, bytes of a size or text, seconds, bits per second
  std::uint64_t unit = 1;  ///< sizes: a multiple of it
  std::size_t most = 64;   ///< elements of a list
  Words words = {};
  Words later_words = {};  ///< those of `words` that are for later
  Kind refers_to = Kind::kLevel;
  bool or_any = false;  ///< a reference or word may also be "*"
  const TableSchema* table = nullptr;
  std::string_view meaning = {};  ///< for the reference; begins lower case, no full stop
};

struct TableSchema {
  std::string_view name;  ///< "levels/NAME.toml", "storage": for the reference and for messages
  std::span<const KeySchema> keys;
  std::string_view meaning = {};
};

/// The tables of the files, in the order of the reference.
extern const TableSchema kLevelSchema;
extern const TableSchema kFlowsSchema;
extern const TableSchema kNetworksSchema;
extern const TableSchema kDevicesSchema;
extern const TableSchema kHostSchema;
std::span<const TableSchema* const> FileSchemas();

/// Tables that are read apart from their file.
extern const TableSchema kLabelSchema;

/// Looks at the first letter first: most keys of a table differ there.
inline bool IsSameWord(std::string_view a, std::string_view b) {
  return a.size() == b.size() && (a.empty() || a[0] == b[0]) && a == b;
}

/// nullptr when the table has no such key.
const KeySchema* FindKey(const TableSchema& table, std::string_view key);

}  // namespace bulkhead::vmspec
