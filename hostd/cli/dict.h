// SPDX-License-Identifier: GPL-2.0-or-later
/// An a{sv} of Host1 read by a table of fields, so that a table, --json and the manual name the
/// same things. A missing key reads as empty: hostd may be older or newer than this program.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hostd/cli/json.h"
#include "hostd/gptr.h"

namespace bulkhead::cli {

/// One key of an a{sv}: its name on the bus is `json` with '-' for '_'.
struct Field {
  const char* json;
  enum class Kind { kText, kNumber, kFlag, kTexts, kCounters } kind;
};

class Dict {
 public:
  /// Shares the a{sv}; another type reads as empty.
  explicit Dict(GVariant* value);
  /// The elements of an aa{sv}.
  static std::vector<Dict> List(GVariant* array);

  [[nodiscard]] std::string Text(const char* key) const;
  [[nodiscard]] std::int64_t Number(const char* key) const;
  [[nodiscard]] bool Flag(const char* key) const;
  [[nodiscard]] std::vector<std::string> Texts(const char* key) const;
  /// a(stt): origin, packets, bytes
  struct Counter {
    std::string origin;
    std::uint64_t packets;
    std::uint64_t bytes;
  };
  [[nodiscard]] std::vector<Counter> Counters(const char* key) const;

  [[nodiscard]] Json ToJson(std::span<const Field> fields) const;
  /// Every text, number and flag that is there, by key: for what has no fixed fields.
  [[nodiscard]] JsonMembers Everything() const;

 private:
  [[nodiscard]] VariantPtr Find(const char* key) const;
  [[nodiscard]] Json FieldJson(const Field& field) const;
  VariantPtr value_;
};

/// What Host1 says of a level, device, flow and level's network, in the order of --json.
std::span<const Field> LevelFields();
std::span<const Field> DeviceFields();
std::span<const Field> FlowFields();
std::span<const Field> NetFields();

}  // namespace bulkhead::cli
